"""Stops the embedded PostgreSQL when nobody uses it any more, whatever became of those who did.

Run as ``python reaper.py LOCK COMMAND…``: waits until nobody else holds a lock on the file, and then runs the
command that stops the server, holding the lock so that nobody starts it meanwhile. Imports next to nothing, because it
stays in memory for as long as the server runs.
"""

import fcntl
import os
import sys

if __name__ == "__main__":
    fcntl.flock(os.open(sys.argv[1], os.O_RDWR), fcntl.LOCK_EX)
    os.spawnv(os.P_WAIT, sys.argv[2], sys.argv[2:])  # noqa: S606 # The command is our own, and a shell would be one process more.
