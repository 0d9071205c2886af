"""Text in HTML as plain text."""

from html.parser import HTMLParser

_NEW_LINES = frozenset({"br", "div", "li", "p", "tr", "h1", "h2", "h3"})
_HIDDEN = frozenset({"head", "script", "style"})


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._links: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in _HIDDEN
        if tag in _NEW_LINES:
            self.parts.append("\n")
        if tag == "a":
            self._links.append(dict(attrs).get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in _HIDDEN
        if tag == "a" and self._links and (link := self._links.pop()):
            self.parts.append(f" ({link})")

    def handle_data(self, data: str) -> None:
        if self._hidden <= 0:
            self.parts.append(" ".join(data.split("\n")) if data.strip() else " ")


def text_of_html(html: str) -> str:
    """Return the text of HTML: the blocks on lines of their own, and the address of a link behind its text."""
    parser = _Text()
    parser.feed(html)
    parser.close()
    lines = (" ".join(line.split()) for line in "".join(parser.parts).split("\n"))
    return "\n".join(filter(None, lines))
