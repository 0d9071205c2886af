"""Clients that keep a server busy while a test does something to it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

from tests.support.client import Client


class Load:
    """Clients that send one request after the other, half of them on a new connection each, until they are stopped."""

    def __init__(self, address, token, clients=8):
        self.responses, self.failures, self.refused = [], [], 0
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(clients)
        self._token = token
        self._running = [self._pool.submit(self._run, address, number % 2 == 0) for number in range(clients)]

    def _run(self, address, keep_alive):
        client = Client(address, token=self._token, user_id="load")
        while not self._stop.is_set():
            try:
                self.responses.append(client.post(json={"title": "t"}).status)
            except (ConnectionRefusedError, FileNotFoundError):  # The latter if a Unix socket was removed.
                self.refused += 1
                client.close()
                time.sleep(0.01)
            except (OSError, HTTPException) as error:
                self.failures.append(repr(error))
                client.close()
            if not keep_alive:
                client.close()
        client.close()

    def stop(self):
        self._stop.set()
        for running in self._running:
            running.result()
        self._pool.shutdown()
