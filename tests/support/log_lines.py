"""Reads the log of a server, whose lines are JSON objects."""

import json

from tests.support.waiting import wait_until

# The fields of every line.
ALWAYS = {"time", "level", "logger", "pid", "message"}


def records(server):
    """All lines but the last, which may be incomplete."""
    return [json.loads(line) for line in server.log.read_text().split("\n")[:-1]]


def record_of(server, response):
    """The only line about a request, apart from the reason why its token was rejected."""

    def found():
        lines = [each for each in records(server) if each.get("request_id") == response.headers["X-Request-ID"]]
        return [each for each in lines if each["message"] != "rejected token"]

    wait_until(found, lambda: f"no line of {response}")
    [record] = found()
    return record
