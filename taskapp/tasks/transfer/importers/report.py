"""What a conversion could not take over, and files that cannot be read at all."""

from collections import Counter


class WrongFile(Exception):
    """The file cannot be read. Its message is a sentence that names the place."""


class Report:
    """What had no place in the tasks. Nothing is left out without an entry here."""

    def __init__(self) -> None:
        self.refused = 0
        self._notes: list[str] = []
        self._counts: Counter[str] = Counter()

    def note(self, place: str, title: str, sentence: str) -> None:
        """Add a sentence about a task.

        Args:
            place: where the task is: the file and the line or the item.
            title: its title, so that a person recognizes it.
            sentence: what happened to what part of it.
        """
        task = f' "{_printable(title, 60)}"' if title else ""
        self._notes.append(f"{_printable(place, 200)}{task}: {_printable(sentence, 500)}")

    def refuse(self, place: str, title: str, sentence: str) -> None:
        """Add a sentence about a task that is left out."""
        self.refused += 1
        self.note(place, title, f"Left out. {sentence}")

    def count(self, sentence: str) -> None:
        """Add a sentence that may be true of many tasks. It appears once, with their number."""
        self._counts[_printable(sentence, 500)] += 1

    def left_out(self, field: str) -> None:
        """Count a field of a task that has no place."""
        self.count(f"{field}: Left out.")

    def lines(self) -> list[str]:
        """Return all entries: those about one task, then those with a number of tasks."""
        counts = (f"{text} ({count}x)" for text, count in sorted(self._counts.items()))
        return [*self._notes, *counts]


def _printable(text: str, length: int) -> str:
    """Return a text for a terminal: shortened, on one line, and without control characters."""
    text = text if len(text) <= length else f"{text[: length - 1]}…"
    return "".join(character if character.isprintable() else " " for character in text)
