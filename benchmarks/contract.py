"""A check of each service before it is timed: the part of the contract that the benchmarks rely on."""

import http.client
import json
from datetime import UTC, datetime
from typing import Any, Self

from benchmarks.databases import make_token
from benchmarks.servers import Server

USER = "contract"
# A task of the usual size, some 450 bytes of JSON, and a change of it.
TASK = {
    "title": "A task",
    "description": "What it is about, in a sentence of the usual length.",
    "priority": "high",
    "tags": ["errand", "home"],
    "due_date": "2026-12-24",
    "due_time": "17:00",
    "time_zone": "Europe/Berlin",
}
CHANGES = {"title": "Another title", "priority": "low", "tags": ["home", "late"], "due_date": "2027-01-01"}
FIELDS = (
    *("id", "uid", "user_id", "title", "description", "completed", "completed_at", "priority", "tags"),
    *("due_date", "due_time", "time_zone", "due_at", "created_at", "updated_at"),
)


class Client:
    """Sends requests of one user on a persistent connection."""

    def __init__(self, port: int, user_id: str = USER) -> None:
        self.tasks = f"/api/{user_id}/tasks"
        self.token: str | None = make_token(user_id)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def send(self, method: str, path: str = "", body: Any = None, token: str | None = "") -> tuple[int, Any]:
        """Send a request with the user's token, another one, or none. Return the status and the body."""
        token = self.token if token == "" else token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        path = path if path.startswith("/api") else self.tasks + path
        self._connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = self._connection.getresponse()
        return response.status, json.loads(response.read() or b"null")

    def expect(self, status: int, method: str, path: str = "", body: Any = None, token: str | None = "") -> Any:
        """Send a request that must return a status, and return the body.

        Raises:
            AssertionError: the status is another one.
        """
        found, content = self.send(method, path, body, token)
        if found != status:
            raise AssertionError(f"{method} {path} {body}: {found} instead of {status}: {content}")
        return content

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def check(server: Server) -> None:
    """Check a service and remove the tasks created by the check.

    Raises:
        AssertionError: the service breaks the contract.
    """
    with Client(server.port) as client:
        _check_writes(client)
        _check_lists(client)
        _check_errors(client)


def _expect_equal(found: Any, expected: Any) -> None:
    if found != expected:
        raise AssertionError(f"{found} instead of {expected}")


def _check_writes(client: Client) -> None:
    task = client.expect(201, "POST", "", {**TASK, "title": f" {TASK['title']} "})["data"]
    if not task.keys() >= set(FIELDS):
        raise AssertionError(f"{task} lacks fields")
    sent = {**TASK, "user_id": USER, "completed": False, "completed_at": None}
    _expect_equal({name: task[name] for name in sent}, sent)
    _expect_equal(datetime.fromisoformat(task["due_at"]), datetime(2026, 12, 24, 16, tzinfo=UTC))
    path = f"/{task['id']}"
    _expect_equal(client.expect(200, "GET", path)["data"], task)
    changed = client.expect(200, "PUT", path, {**CHANGES, "completed": True})["data"]
    set_by_service = {name: changed[name] for name in ("completed_at", "due_at", "updated_at")}
    expected = {**task, **CHANGES, "completed": True, **set_by_service}
    _expect_equal(*({name: each[name] for name in FIELDS} for each in (changed, expected)))
    _expect_equal(datetime.fromisoformat(changed["due_at"]), datetime(2027, 1, 1, 16, tzinfo=UTC))
    if not task["updated_at"] < changed["updated_at"] or changed["completed_at"] is None:
        raise AssertionError("an update does not change updated_at and completed_at")
    _expect_equal(client.expect(200, "PUT", path, {"due_time": None})["data"]["due_at"], None)
    _expect_equal(client.expect(200, "PUT", path, {"description": None})["data"]["description"], None)
    for body, completed in [(None, False), ({"completed": True}, True), ({"completed": True}, True), (None, False)]:
        task = client.expect(200, "PATCH", f"{path}/complete", body)["data"]
        _expect_equal((task["completed"], task["completed_at"] is not None), (completed, completed))
    deletion = {"data": {"success": True, "message": "Task deleted successfully"}}
    _expect_equal(client.expect(200, "DELETE", path), deletion)
    for method in ("GET", "DELETE"):
        client.expect(404, method, path)


def _check_lists(client: Client) -> None:
    created = [client.expect(201, "POST", "", {"title": f"task {number}"})["data"] for number in range(3)]
    newest_first = created[::-1]
    _expect_equal(client.expect(200, "GET"), {"data": newest_first, "pagination": {"limit": 1000, "next_cursor": None}})
    page = client.expect(200, "GET", "?limit=2")
    _expect_equal(page["data"], newest_first[:2])
    rest = client.expect(200, "GET", f"?limit=2&cursor={page['pagination']['next_cursor']}")
    _expect_equal(rest, {"data": newest_first[2:], "pagination": {"limit": 2, "next_cursor": None}})
    for task in created:
        client.expect(200, "DELETE", f"/{task['id']}")


def _check_errors(client: Client) -> None:
    client.expect(401, "GET", token=None)
    client.expect(401, "GET", token=f"{client.token}x")
    client.expect(403, "GET", "/api/somebody/tasks")
    client.expect(422, "POST", "", {"title": "  "})
    client.expect(422, "POST", "", {"title": "x" * 256})
    client.expect(422, "POST", "", {"description": "without a title"})
    client.expect(422, "POST", "", {**TASK, "priority": 1})
    client.expect(404, "PUT", "/999999999", {"title": "x"})
    client.expect(404, "PATCH", "/999999999/complete")
