"""Stops the embedded PostgreSQL once no process uses it, even if its users were killed.

Run as ``python reaper.py LOCK COMMAND…``: waits until no other process holds a lock on the file, and then runs the
command that stops the server. The reaper holds the lock meanwhile, so that no process starts the server. It imports as
little as possible, because it stays in memory while the server runs.
"""

import fcntl
import os
import sys

if __name__ == "__main__":
    fcntl.flock(os.open(sys.argv[1], os.O_RDWR), fcntl.LOCK_EX)
    os.spawnv(os.P_WAIT, sys.argv[2], sys.argv[2:])  # noqa: S606 # A trusted command, without the extra process of a shell.
