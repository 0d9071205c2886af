"""Each operation on tasks is one message to the database."""

import pytest

from tests.support.processes import Gunicorn, at_port, text_url
from tests.support.proxy import MessageProxy


@pytest.fixture(scope="module")
def proxy(front):
    with MessageProxy(front.socket) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def port(proxy, database_url, settings, tmp_path_factory):
    """A server of one worker and one thread, so of one connection, behind the proxy."""
    url = at_port(proxy.port, database_url, sslmode="disable")
    single = {**settings, "DATABASE_URL": text_url(url), "WORKERS": 1, "THREADS": 1}
    with Gunicorn(tmp_path_factory.mktemp("single") / "log", **single) as gunicorn:
        yield gunicorn.port


@pytest.fixture
def user(new_client, port):
    client = new_client(port=port)
    client.get()  # Makes the connection.
    return client


def each_operation(user):
    """Every operation on tasks, in an order in which each finds what it needs."""
    path = f"/{user.create()['id']}"
    return {
        "list": lambda: user.get(),
        "list pending": lambda: user.get("?status=pending&limit=5"),
        "create": lambda: user.post(json={"title": "x", "description": "y"}),
        "get": lambda: user.get(path),
        "put": lambda: user.put(path, json={"title": "x"}),
        "patch": lambda: user.patch(path, json={"title": "x", "description": None, "completed": True}),
        "complete": lambda: user.patch(path + "/complete", json={"completed": True}),
        "toggle": lambda: user.patch(path + "/complete"),
        "delete": lambda: user.delete(path),
        "get what is not there": lambda: user.get(path),
        "put what is not there": lambda: user.put(path, json={"title": "x"}),
        "delete what is not there": lambda: user.delete(path),
    }


def assert_each_operation_is_one_message(proxy, user):
    operations = each_operation(user)
    counted = {name: dict(proxy.during(operation)) for name, operation in operations.items()}
    assert counted == {name: {"Q": 1} for name in operations}


def test_each_operation_is_one_message(proxy, user):
    assert_each_operation_is_one_message(proxy, user)


def test_what_is_refused_is_no_message(proxy, user):
    operations = [
        lambda: user.get(token=None),
        lambda: user.request("GET", "/api/somebody/tasks"),
        lambda: user.post(json={"title": ""}),
        lambda: user.post(body=b"{", headers={"Content-Type": "application/json"}),
        lambda: user.request("GET", "/health/live"),
        lambda: user.request("GET", "/"),
        lambda: user.request("GET", "/openapi.json"),
    ]
    for operation in operations:
        assert not proxy.during(operation)
