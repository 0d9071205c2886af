"""Security headers of every response, including error responses of gunicorn.

They follow the OWASP REST Security Cheat Sheet and the OWASP Secure Headers Project, without redundant headers
(``X-Frame-Options`` repeats ``frame-ancestors``) and without headers that only affect web pages.
"""

from typing import Any

from taskapp.http.app import App, Headers

# Content Security Policy Level 3. Only /docs is a web page, and it has its own policy. If a browser renders any other
# response, nothing in it runs, and no page can frame it.
CONTENT_SECURITY_POLICY = "default-src 'none'; frame-ancestors 'none'"
_FOR_ALL = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Other origins can only read responses with CORS, not with elements such as <img> and <script>.
    "Cross-Origin-Resource-Policy": "same-origin",
}
# RFC 9111, section 5.2.2.5: no cache may store the response, because it is private or soon outdated.
_NOT_STORED = "no-store"
# Section 5.2.2.4: the user's own cache may store a response with an ETag, and must revalidate it before each use.
# Browsers then send If-None-Match automatically. With no-store, they could not use a 304.
_REVALIDATED = "private, no-cache"
# RFC 9110, section 7.7: a proxy must not compress a response with an ETag, because it would have to change the tag.
_NOT_TRANSFORMED = ", no-transform"
# One year, without includeSubDomains, because other hosts are outside of this service.
_HTTPS_ONLY = "max-age=31536000"

FOR_ERRORS = {**_FOR_ALL, "Content-Security-Policy": CONTENT_SECURITY_POLICY, "Cache-Control": _NOT_STORED}


def _protect(environ: dict[str, Any], status: str, headers: list[tuple[str, str]]) -> Headers:
    yield from _FOR_ALL.items()
    present = {name for name, _ in headers}
    if "Content-Security-Policy" not in present:
        yield "Content-Security-Policy", CONTENT_SECURITY_POLICY
    if "Cache-Control" not in present:
        has_tag = "ETag" in present
        is_kept = has_tag and environ["REQUEST_METHOD"] in ("GET", "HEAD") and status[:3] in ("200", "304")
        policy = _REVALIDATED if is_kept else _NOT_STORED
        yield "Cache-Control", policy + _NOT_TRANSFORMED if has_tag else policy
    if environ["wsgi.url_scheme"] == "https":  # RFC 6797, section 7.2: not over plain HTTP. A trusted proxy sets this.
        yield "Strict-Transport-Security", _HTTPS_ONLY


def init_app(app: App) -> None:
    """Add the headers to every response of the application, without overriding a policy that a response sets itself."""
    app.add_headers(_protect)
