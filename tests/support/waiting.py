"""Waits for a condition, and measures how long something takes."""

import time


def timed(act):
    """Do something, and return its result and the seconds that it took."""
    start = time.monotonic()
    return act(), time.monotonic() - start


def wait_until(condition, message, seconds=30):
    """Wait until a condition holds; the message may be a function that makes it."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, message() if callable(message) else message
        time.sleep(0.05)


def seconds_until(condition):
    """Return how long it takes until a condition holds."""
    return timed(lambda: wait_until(condition, "the condition never holds"))[1]
