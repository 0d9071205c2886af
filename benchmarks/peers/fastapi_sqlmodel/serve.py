"""``uvicorn main:app --workers N``, with a separate socket for each worker.

The workers of uvicorn share one socket, and sometimes one of them accepts all persistent connections while the others
are idle. gunicorn's ``--reuse-port`` prevents this for the other services. This script does the same for uvicorn.
"""

import argparse
import multiprocessing
import signal
import socket
import sys

import uvicorn


def serve(port: int) -> None:
    """Run one worker."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", port))
    config = uvicorn.Config("main:app", access_log=False, log_level="warning")
    uvicorn.Server(config).run(sockets=[listener])


def main() -> None:
    """Start the workers and stop them on exit."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, required=True)
    arguments = parser.parse_args()
    workers = [multiprocessing.Process(target=serve, args=(arguments.port,)) for _ in range(arguments.workers)]
    for worker in workers:
        worker.start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        for worker in workers:
            worker.join()
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()


if __name__ == "__main__":
    main()
