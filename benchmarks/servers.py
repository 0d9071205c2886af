"""A running service: its processes, and the time and memory they take."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Self

from sqlalchemy import URL

from benchmarks.services import THREADS, WORKERS, Service
from benchmarks.settings import WORK
from tests.support.ports import free_port, listens
from tests.support.waiting import wait_until

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    found = []
    with contextlib.suppress(OSError):  # It may end while this looks.
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def family(pid: int) -> list[int]:
    """Return a process, those it has started, and so on."""
    return [pid, *(relative for child in children(pid) for relative in family(child))]


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process and all below it, those that have ended included."""
    total = 0
    for relative in family(pid):
        with contextlib.suppress(OSError):
            # Behind the name in brackets: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
            fields = Path(f"/proc/{relative}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15]))
    return total / _TICKS


def resident_bytes(pid: int) -> int:
    """Return the memory that a process has in use."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


class Server:
    """A service that runs, on a free port of loopback, until the end of the context.

    Args:
        service: which.
        url: its database.
        threads: of each worker, where gunicorn has them.
        workers: how many processes serve.
    """

    def __init__(self, service: Service, url: URL, threads: int = THREADS, workers: int = WORKERS) -> None:
        self.service = service
        self.url = url
        self.threads = threads
        self.workers = workers
        self.port = free_port()

    def __enter__(self) -> Self:
        log = WORK / f"{self.service.name}-{self.port}.log"
        with log.open("w") as output:
            self._process = subprocess.Popen(
                self.service.command_line(self.port, self.threads, self.workers),
                cwd=self.service.folder,
                env=self.service.environment(self.url, self.port, self.threads, self.workers),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the benchmark alone, which stops its servers.
            )
        self.pid = self._process.pid
        try:
            wait_until(self._responds, lambda: f"{self.service.title} does not start:\n{log.read_text()}", 60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        processes = family(self.pid)
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            for pid in processes:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()

    def _responds(self) -> bool:
        if self._process.poll() is not None:
            raise AssertionError(f"{self.service.title} ended; its log is in {WORK}")
        # uvicorn serves with a single worker itself.
        return listens(self.port) and (self.workers == 1 or len(children(self.pid)) >= self.workers)

    def cpu_seconds(self) -> float:
        """Return the processor time of all its processes."""
        return cpu_seconds(self.pid)

    def worker_bytes(self) -> int:
        """Return the memory of the largest worker."""
        return max(resident_bytes(pid) for pid in children(self.pid))
