"""Reads the log of a server, each line of which is a JSON object."""

import json

from tests.support.processes import wait_until

# What every line has.
ALWAYS = {"time", "level", "logger", "pid", "message"}


def records(server):
    """All lines, each of which is a JSON object; the last may be half written yet."""
    return [json.loads(line) for line in server.log.read_text().split("\n")[:-1]]


def record_of(server, answer):
    """The only line about a request."""

    def found():
        return [each for each in records(server) if each.get("request_id") == answer.headers["X-Request-ID"]]

    wait_until(found, lambda: f"no line of {answer}")
    [record] = found()
    return record
