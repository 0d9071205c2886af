"""The code of docs/bulk.md, as an app of a user runs it, on a network that fails by chance."""

import os
import random
import urllib.error
import urllib.request
from types import SimpleNamespace
from unittest import mock

from tests.support.documents import code, read

PAGE = read("bulk")
TRIES = 5  # Of the code of the page, to send a request.


class Network:
    """Sends the requests of the page to the service. Some never arrive, some get no response, by chance.

    Attributes:
        chance: how many of each, from 0 to 1.
        lost: how many of the next responses to requests to write are lost in any case.
        before: called before a request to write is sent.
        responses: the statuses of the responses to requests to write.
    """

    def __init__(self):
        self.chance, self.lost, self.before, self.responses = 0.0, 0, lambda: None, []
        self._random, self._open = random.Random(1), urllib.request.urlopen

    def urlopen(self, request, **options):
        writes = request.method == "POST"
        if writes:
            self.before()
        if self._random.random() < self.chance:
            raise ConnectionResetError
        try:
            response = self._open(request, **options)
        except urllib.error.HTTPError as error:
            response = error
        if writes:
            self.responses.append(response.status)
        if self._random.random() < self.chance or (writes and self.lost):
            self.lost = max(self.lost - writes, 0)
            response.close()
            raise ConnectionResetError
        return response


def load_page(url, user):
    """The names of the page's code for a user. It does not wait before it sends a request again."""
    names = {}
    with mock.patch.dict(os.environ, API=url + user.tasks.removesuffix("/tasks"), TOKEN=user.token):
        exec(code(PAGE, "python"), names)  # noqa: S102 # The code of the page itself.
    names["time"] = SimpleNamespace(sleep=lambda _: None)
    return SimpleNamespace(**{name: names[name] for name in ("Queue", "Refused", "clear_done", "move_week", "undo")})
