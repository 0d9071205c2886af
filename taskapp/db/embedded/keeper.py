"""Runs the embedded PostgreSQL for as long as any process uses it, even if its users are killed.

Run as ``python keeper.py USERS COMMAND…``: starts the command, waits until no other process holds a lock on the file
USERS, and then stops the command. Meanwhile it holds that lock, so that no process starts to use the server. It ends as
soon as the command does. It signals nothing but its own child, whose process id nothing else can have before it is
waited for. If it is killed itself, the kernel stops the command (Linux).

It imports as little as possible, because it stays in memory while the server runs.
"""

import ctypes
import fcntl
import os
import signal
import sys
import time

# prctl(2): the signal that a process gets when its parent ends. PostgreSQL's "fast shutdown" is SIGINT.
PR_SET_PDEATHSIG = 1
STOP_SECONDS = 30


def start(command: list[str]) -> int:
    """Start a command, and return its process id."""
    keeper = os.getpid()
    if server := os.fork():
        return server
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
    if os.getppid() == keeper:  # Otherwise, the keeper was killed before the call above.
        os.execv(command[0], command)  # noqa: S606 # A trusted command, without the extra process of a shell.
    os._exit(1)


def stop(server: int) -> None:
    """Stop the server and wait for it: a fast shutdown or, if that takes too long, an immediate one.

    https://www.postgresql.org/docs/current/server-shutdown.html
    """
    os.kill(server, signal.SIGINT)
    deadline = time.monotonic() + STOP_SECONDS
    while os.waitpid(server, os.WNOHANG)[0] == 0:
        if time.monotonic() > deadline:
            os.kill(server, signal.SIGQUIT)
            os.waitpid(server, 0)
            return
        time.sleep(0.02)


def main(users: str, *command: str) -> None:
    """Keep a command running until it ends, or until no process uses it."""
    # A service manager may signal every process, but the users decide when the server stops. The handler is a function,
    # because a command would inherit SIG_IGN.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    lock = os.open(users, os.O_RDWR)
    server = start(list(command))

    def end_with_server(*_: object) -> None:
        if os.waitpid(server, os.WNOHANG)[0]:
            os._exit(1)

    signal.signal(signal.SIGCHLD, end_with_server)
    end_with_server()  # It may have ended before the line above.
    fcntl.flock(lock, fcntl.LOCK_EX)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    stop(server)


if __name__ == "__main__":
    main(*sys.argv[1:])
