"""The application works under other servers too: it needs no more than WSGI."""

import pytest

from tests.support.client import JSON, raw
from tests.support.servers import Server

pytestmark = pytest.mark.slow

# gunicorn replaces the worker class sync by gthread if there are several threads.
COMMANDS = {
    "gthread": ("{python} -m gunicorn wsgi:app -k gthread", {"THREADS": 4}),
    "sync": ("{python} -m gunicorn wsgi:app -k sync", {"THREADS": 1}),
    "waitress": ("{python} -m waitress --listen=127.0.0.1:{port} wsgi:app", {}),
    "flask run": ("{python} -m flask run --port {port}", {}),
}


@pytest.fixture(scope="module", params=COMMANDS)
def other_server(request, settings, tmp_path_factory):
    log = tmp_path_factory.mktemp("server") / "log"
    command, threads = COMMANDS[request.param]
    changes = {**settings, **threads, "REQUEST_TIMEOUT": 5, "SERVER_TIMING": "true"}
    with Server(log, *command.split(), **changes) as server:
        yield server
    text = log.read_text()
    assert "Traceback" not in text
    if "gunicorn" in command:
        assert f"Using worker: {request.param}" in text


@pytest.fixture
def user(other_server):
    return other_server.client()


def test_life_of_a_task(user):
    task = user.create(title="first", description="a task")
    path = f"/{task['id']}"
    assert user.get().data == [task]
    response = user.get(path)
    assert (response.status, response.data) == (200, task)
    response = user.put(
        path, json={"title": "second", "description": ""}, headers={"If-Match": response.headers["ETag"]}
    )
    assert (response.status, response.data["title"]) == (200, "second")
    response = user.patch(f"{path}/complete", json={"completed": True})
    assert (response.status, response.data["completed"]) == (200, True)
    assert user.delete(path).status == 200
    assert user.get(path).status == 404
    assert user.get().data == []


def test_preconditions_are_checked(user):
    path = f"/{user.create()['id']}"
    response = user.put(path, json={"title": "x", "description": ""}, headers={"If-Match": '"0"'})
    assert (response.status, response.error["code"]) == (412, "PRECONDITION_FAILED")
    etag = user.get(path).headers["ETag"]
    assert user.get(path, headers={"If-None-Match": etag}).status == 304


@pytest.mark.parametrize("body", [b"{", b"nothing", b'{"title": "\xff"}', b""])
def test_bad_bodies_are_rejected(user, body):
    response = user.post(body=body, headers=JSON)
    assert (response.status, response.error["code"]) == (400, "MALFORMED_REQUEST")


def test_unread_bodies_are_rejected(user):
    for size in (10, 70_000):
        assert user.post(body=b"x" * size, token=None).status == 401
        assert user.request("PUT", "/nothing", body=b"x" * size).status == 404
        user.close()
    assert user.post(body=b'{"title": "' + b"x" * 70_000 + b'"}', headers=JSON).status == 413


def test_chunked_bodies_are_read(user):
    chunked = {**JSON, "Transfer-Encoding": "chunked"}
    assert user.post(body=b'e\r\n{"title": "x"}\r\n0\r\n\r\n', headers=chunked).status == 201


def test_errors_have_the_usual_form(user):
    assert user.get(token=None).status == 401
    assert user.request("GET", "/api/somebody-else/tasks").status == 403
    assert user.request("GET", "/nothing").status == 404
    assert user.request("POST", "/health/live").status == 405
    assert user.post(json={"title": ""}).status == 422


def test_host_is_required_and_checked(other_server):
    for head, status in [("", 400), ("Host: a b\r\n", 400), ("Host: [::1\r\n", 400), ("Host: x:80\r\n", 200)]:
        assert raw(other_server.port, f"GET /health/live HTTP/1.1\r\n{head}\r\n".encode()).status == status
    assert raw(other_server.port, b"GET /health/live HTTP/1.0\r\n\r\n").status == 200


def test_health_and_documentation_are_served(user):
    for path in ("/health", "/health/live", "/docs", "/openapi.json"):
        assert user.request("GET", path, token=None).status == 200
    assert user.request("HEAD", "/docs", token=None).status == 200
