"""A device with the client of docs/sync.md, whose requests fail by chance."""

import random
from contextlib import contextmanager

from tests.support.documents import code, read

NAMES = {}
exec(code(read("sync"), "python"), NAMES)  # noqa: S102 # The code of the page itself.
Copy, NotNow = NAMES["Copy"], NAMES["NotNow"]


class Device(Copy):
    """A device whose requests, by chance, never arrive or get no response."""

    failures = random.Random(1)
    chance = 0.0

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.starts, self.reports, self.conflicts, self.answer = 0, [], [], None

    def start(self, path):
        self.starts += 1
        super().start(path)

    def send(self, *arguments, **options):
        if self.failures.random() < self.chance:
            raise NotNow
        received = super().send(*arguments, **options)
        if self.failures.random() < self.chance:
            raise NotNow
        return received

    def resolve(self, current, fields):
        self.conflicts.append((current, fields))
        return self.answer

    def report(self, method, fields, error):
        self.reports.append((method, fields, error["code"]))

    def stored(self):
        assert self.db.execute("SELECT count(*) FROM queue").fetchone() == (0,)
        return self.tasks()


@contextmanager
def lost_responses(device):
    """Every request arrives, and no response comes back."""
    send = device.send

    def lose(*arguments, **options):
        send(*arguments, **options)
        raise NotNow

    device.send = lose
    yield
    device.send = send


def log_of(user):
    """All changes of a user."""
    changes, after, more = [], 0, True
    while more:
        page = user.request("GET", f"/api/{user.user_id}/changes?after={after}&limit=1000").json
        changes += page["data"]
        after, more = page["pagination"]["after"], page["pagination"]["more"]
    return changes
