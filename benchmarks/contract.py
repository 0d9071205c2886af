"""What each service must answer before it is timed: the part of the contract that the benchmark leans on."""

import http.client
import json
from typing import Any, Self

from benchmarks.databases import make_token
from benchmarks.servers import Server

USER = "contract"
FIELDS = ("id", "user_id", "title", "description", "completed", "created_at", "updated_at")


class Client:
    """Sends requests of one user on a connection that stays open."""

    def __init__(self, port: int, user_id: str = USER) -> None:
        self.tasks = f"/api/{user_id}/tasks"
        self.token: str | None = make_token(user_id)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def send(self, method: str, path: str = "", body: Any = None, token: str | None = "") -> tuple[int, Any]:
        """Send a request with the user's token, another, or none; return the status and the body."""
        token = self.token if token == "" else token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        path = path if path.startswith("/api") else self.tasks + path
        self._connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = self._connection.getresponse()
        return response.status, json.loads(response.read() or b"null")

    def expect(self, status: int, method: str, path: str = "", body: Any = None, token: str | None = "") -> Any:
        """Send a request that must be answered with a status, and return its body.

        Raises:
            AssertionError: it is not.
        """
        found, answer = self.send(method, path, body, token)
        if found != status:
            raise AssertionError(f"{method} {path} {body}: {found} in place of {status}: {answer}")
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def check(server: Server) -> None:
    """Try a service out, and leave it as it was.

    Raises:
        AssertionError: it does not hold the contract.
    """
    with Client(server.port) as client:
        _check_writes(client)
        _check_lists(client)
        _check_rejections(client)


def _same(found: Any, expected: Any) -> None:
    if found != expected:
        raise AssertionError(f"{found} in place of {expected}")


def _check_writes(client: Client) -> None:
    task = client.expect(201, "POST", "", {"title": " a task ", "description": "what it is"})["data"]
    _same(sorted(task), sorted(FIELDS))
    _same((task["user_id"], task["title"], task["completed"]), (USER, "a task", False))
    path = f"/{task['id']}"
    _same(client.expect(200, "GET", path)["data"], task)
    changed = client.expect(200, "PUT", path, {"title": "another", "completed": True})["data"]
    expected = {**task, "title": "another", "completed": True, "updated_at": changed["updated_at"]}
    _same(changed, expected)
    if not task["updated_at"] < changed["updated_at"]:
        raise AssertionError("a change leaves updated_at as it was")
    _same(client.expect(200, "PUT", path, {"description": None})["data"]["description"], None)
    for body, completed in [(None, False), ({"completed": True}, True), ({"completed": True}, True), (None, False)]:
        _same(client.expect(200, "PATCH", f"{path}/complete", body)["data"]["completed"], completed)
    deletion = {"data": {"success": True, "message": "Task deleted successfully"}}
    _same(client.expect(200, "DELETE", path), deletion)
    for method in ("GET", "DELETE"):
        client.expect(404, method, path)


def _check_lists(client: Client) -> None:
    made = [client.expect(201, "POST", "", {"title": f"task {number}"})["data"] for number in range(3)]
    newest_first = made[::-1]
    _same(client.expect(200, "GET"), {"data": newest_first, "pagination": {"limit": 1000, "next_cursor": None}})
    page = client.expect(200, "GET", "?limit=2")
    _same(page["data"], newest_first[:2])
    rest = client.expect(200, "GET", f"?limit=2&cursor={page['pagination']['next_cursor']}")
    _same(rest, {"data": newest_first[2:], "pagination": {"limit": 2, "next_cursor": None}})
    for task in made:
        client.expect(200, "DELETE", f"/{task['id']}")


def _check_rejections(client: Client) -> None:
    client.expect(401, "GET", token=None)
    client.expect(401, "GET", token=f"{client.token}x")
    client.expect(403, "GET", "/api/somebody/tasks")
    client.expect(422, "POST", "", {"title": "  "})
    client.expect(422, "POST", "", {"title": "x" * 256})
    client.expect(422, "POST", "", {"description": "without a title"})
    client.expect(404, "PUT", "/999999999", {"title": "x"})
    client.expect(404, "PATCH", "/999999999/complete")
