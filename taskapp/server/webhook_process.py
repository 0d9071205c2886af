"""The process ``flask webhooks deliver`` as a child of gunicorn's master, if ``DELIVER_WEBHOOKS`` is set.

The master must not have a second thread when it forks workers. So its main loop, which runs at least once a second,
also looks after this child: it starts the process, starts it again if it ends, and ends it when the service stops. If
the master is killed, the kernel kills the process.

Workers wake the process with a counter that all of them inherit, see eventfd(2).
"""

import ctypes
import logging
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from gunicorn import util

from taskapp.server import metrics
from taskapp.settings import ROOT

# The environment variable of the process that has the number of the file descriptor.
WAKE_FD = "TASKAPP_WAKE_FD"
COMMAND = (sys.executable, "-m", "flask", "--app", "wsgi", "webhooks", "deliver")
# Seconds until an ended process is started again, doubled each time unless it ran for longer than the longest wait.
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
# Seconds that a quick stop (SIGINT, SIGQUIT) leaves the process.
QUICK_STOP = 2.0
# prctl(2).
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)
_log = logging.getLogger("gunicorn.error")
# The counter, which every worker inherits. None if the process does not run.
_wake_fd: int | None = None


def wake(_sender: object = None, **_: Any) -> None:
    """Make the process of this host look at once, if there is one. A receiver for a signal of blinker."""
    if _wake_fd is not None:
        with suppress(OSError):  # The counter is full: it has been woken.
            os.eventfd_write(_wake_fd, 1)


class WebhookProcess:
    """Starts the process, and keeps it running. Only gunicorn's master uses it.

    Args:
        server: gunicorn's arbiter.
        settings: the settings of the service.
    """

    def __init__(self, server: Any, settings: Mapping[str, Any]) -> None:
        self._server = server
        self._process: subprocess.Popen[bytes] | None = None
        self._kill_at = self._start_at = 0.0
        self._started_at = self._wait = 0.0
        self._stops = False
        self._use(settings)

    def _use(self, settings: Mapping[str, Any]) -> None:
        global _wake_fd  # noqa: PLW0603 # Workers, which are forked later, inherit it.
        self._settings = settings
        if settings["DELIVER_WEBHOOKS"] and _wake_fd is None:
            _wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        elif _wake_fd is not None and not settings["DELIVER_WEBHOOKS"]:
            os.close(_wake_fd)
            _wake_fd = None

    def reload(self, settings: Mapping[str, Any]) -> None:
        """End the process. With the new settings it starts again, unless they turn it off.

        Args:
            settings: the new ones, or those from before if the new ones are invalid. Then the process stays.
        """
        if settings is self._settings:
            return
        self._use(settings)
        self._wait = self._start_at = 0.0
        self._end(self._server.cfg.graceful_timeout)

    def keep_running(self) -> None:
        """Start the process if it should run and does not, or kill it if it takes too long to end."""
        self._notice_end()
        if self._process:
            if self._kill_at and time.monotonic() > self._kill_at:
                self._process.kill()
        elif _wake_fd is not None and not self._stops and time.monotonic() >= self._start_at:
            self._start(_wake_fd)

    def _notice_end(self) -> None:
        if not self._process or self._process.poll() is None:
            return
        status, self._process = self._process.returncode, None
        if self._kill_at:  # It was asked to end.
            self._kill_at = 0.0
        else:
            self._start_later(f"ended with status {status}")

    def _start_later(self, reason: str) -> None:
        now = time.monotonic()
        lasted = now - self._started_at > LONGEST_WAIT
        self._wait = FIRST_WAIT if lasted or not self._wait else min(2 * self._wait, LONGEST_WAIT)
        self._start_at = now + self._wait
        _log.error("The process of webhooks %s; starting it again in %d s", reason, self._wait)

    def _start(self, wake_fd: int) -> None:
        self._started_at = time.monotonic()
        port = self._settings["WEBHOOK_METRICS_PORT"]
        options = ("--metrics-port", str(port)) if port else ()
        # Its metrics are not those of the workers.
        environment = {name: value for name, value in os.environ.items() if name != metrics.FOLDER}
        # config.py reads .env as for the service. Flask would replace ${…} in it, and find one in a folder above.
        environment |= {WAKE_FD: str(wake_fd), "FLASK_SKIP_DOTENV": "1"}
        try:
            self._process = subprocess.Popen(
                (*COMMAND, *options),
                cwd=ROOT,
                env=environment,
                pass_fds=(wake_fd,),
                process_group=0,  # A terminal sends Ctrl-C to each process of a group. The master tells this one.
                preexec_fn=self._prepare(os.getpid()),  # noqa: PLW1509 # The master has one thread.
            )
        except (OSError, subprocess.SubprocessError) as error:
            self._start_later(f"cannot be started: {error}")
            return
        _log.info("Started the process of webhooks (pid: %d)", self._process.pid)

    def _prepare(self, master: int) -> Callable[[], None]:
        """Return what the new process does before it becomes the command: run as the workers do, and never alone."""
        cfg = self._server.cfg

        def prepare() -> None:
            util.set_owner_process(cfg.uid, cfg.gid, initgroups=cfg.initgroups)
            if _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL) or os.getppid() != master:
                os._exit(1)

        return prepare

    def _end(self, seconds: float) -> None:
        """Ask the process to end within some seconds, if it runs."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
            self._kill_at = min(self._kill_at or math.inf, time.monotonic() + seconds)

    def stop(self, graceful: bool = True) -> None:  # noqa: FBT001, FBT002 # gunicorn's signature.
        """Ask the process to end, before the workers are asked."""
        self._stops = True
        self._end(self._server.cfg.graceful_timeout if graceful else QUICK_STOP)

    def wait_until_ended(self) -> None:
        """Wait for the rest of its time until it has ended, or kill it."""
        if not self._process:
            return
        try:
            self._process.wait(max(0.0, self._kill_at - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


# The process of this master. None before it is ready.
_supervised: WebhookProcess | None = None


def supervise(server: Any, settings: Mapping[str, Any]) -> None:
    """Look after the process in the main loop of gunicorn's master, from its first round on.

    Args:
        server: gunicorn's arbiter. Each round of its loop calls ``manage_workers``. While it waits for workers, it
            calls ``reap_workers``, which reaps every child. The process comes first, to keep its status.
        settings: the settings of the service.
    """
    global _supervised  # noqa: PLW0603 # One a master.
    _supervised = WebhookProcess(server, settings)
    server.manage_workers = _in_turn(server.manage_workers, _supervised.keep_running)
    server.reap_workers = _in_turn(_supervised.keep_running, server.reap_workers)
    server.stop = _in_turn(_supervised.stop, server.stop)


def _in_turn(first: Callable[..., object], second: Callable[..., object]) -> Callable[..., None]:
    def both(*arguments: Any) -> None:
        first(*arguments)
        second(*arguments)

    return both


def reload(settings: Mapping[str, Any]) -> None:
    """Give the process new settings, before new workers are forked."""
    if _supervised:
        _supervised.reload(settings)


def wait_until_ended() -> None:
    """Wait until the process has ended, when the service stops."""
    if _supervised:
        _supervised.wait_until_ended()
