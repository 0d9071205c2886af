"""The memory of the workers of a server while many users send large requests at once."""

import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

log = logging.getLogger(__name__)

ROUNDS = 3
GROWTH_OF_A_ROUND_MIB = 150


def _mebibytes(server, name):
    """The memory of all workers by a name in /proc/PID/status: VmRSS now, or VmHWM at most so far."""
    lines = [line for pid in server.workers() for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def assert_memory_stays_bounded(server, senders, attempt, growth_mib):
    """Let each of many senders send a request at once, some times, and check that the workers return their memory.

    Args:
        server: the server.
        senders: the senders.
        attempt: called with a sender and the number of the round; sends the request and returns the status.
        growth_mib: what the workers may take in addition.
    """
    before, after, statuses = _mebibytes(server, "VmRSS"), [], []
    with ThreadPoolExecutor(len(senders)) as pool:
        for number in range(ROUNDS):
            statuses += pool.map(attempt, senders, [number] * len(senders))
            after.append(_mebibytes(server, "VmRSS"))
    most = _mebibytes(server, "VmHWM")
    log.info("MiB: %d before, %s after each round, %d at most; %s", before, after, most, Counter(statuses))
    assert set(statuses) <= {200, 429, 503}
    assert statuses.count(200) >= ROUNDS
    assert most - before < growth_mib
    assert after[-1] - after[0] < GROWTH_OF_A_ROUND_MIB
