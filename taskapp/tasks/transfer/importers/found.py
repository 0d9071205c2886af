"""A task as it was found in a file of another product."""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import NamedTuple


class Due(NamedTuple):
    """When a task is due.

    Args:
        day: the day.
        clock: the time on the clock of the zone; None for all day.
        zone: the name of an IANA time zone; None if the file has none, so that it is that of the user.
    """

    day: date
    clock: time | None = None
    zone: str | None = None


@dataclass
class FoundTask:
    """A task of another product.

    Args:
        place: where it is in the file, for the report.
        source_id: what identifies it in the product, so that a second import creates nothing twice.
        title: its title, as long as it is there.
        description: its text.
        completed: whether it is done, or will never be.
        completed_at: when that was; None if unknown.
        created_at: when it was created; None if unknown.
        updated_at: when it was changed; None if unknown.
        priority: one of the words of this service.
        tags: its labels, and the names of its lists, as they are there.
        due: when it is due.
        rule: the text of its RRULE.
        from_completion: whether the rule counts from the day of completion.
        extras: further lines for the description, for what has no field: ``Part of: Spring cleaning``.
    """

    place: str
    source_id: str
    title: str
    description: str = ""
    completed: bool = False
    completed_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    priority: str | None = None
    tags: list[str] = field(default_factory=list)
    due: Due | None = None
    rule: str = ""
    from_completion: bool = False
    extras: list[str] = field(default_factory=list)

    def add(self, name: str, value: object) -> None:
        """Add a further line to the description, unless the value is empty."""
        if value not in {None, ""}:
            self.extras.append(f"{name}: {value}")
