"""A bulk write with an idempotency key takes effect once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.change_log import assert_whole
from tests.support.in_process import LocalUser

BODIES = {
    "list": lambda task: {"operations": [{"op": "create", "title": "new"}, {"op": "delete", "id": task["id"]}]},
    "filter": lambda _: {"filter": {"status": "all"}, "op": "update", "title": "x", "max_affected": 9},
}


@pytest.fixture
def alice(app, secret, database_url):
    user = LocalUser(app, secret)
    yield user
    assert_whole(database_url, user.user_id)


def send(user, body, key="key", query=""):
    return user.send("POST", f"/bulk{query}", key=key, json=body)


def create(user):
    return user.write().json["data"]


def newest(user):
    return user.send("GET", "?as_of=now&limit=1").json["as_of"]


@pytest.mark.parametrize("kind", BODIES)
def test_replay_is_the_first_response(alice, kind):
    body = BODIES[kind](create(alice))
    first = send(alice, body)
    assert (first.status_code, first.headers["Change"]) == (200, "2")
    assert "Idempotency-Replayed" not in first.headers
    number = newest(alice)
    again = send(alice, body)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
    assert (again.data, again.headers["Change"]) == (first.data, "2")
    assert newest(alice) == number
    other = send(alice, {"operations": [{"op": "create", "title": "other"}]})
    assert (other.status_code, list(other.json["error"]["details"])) == (422, ["Idempotency-Key"])
    # A key is for a request, whatever its route.
    assert alice.write("key").status_code == 422
    assert newest(alice) == number


def test_request_that_writes_nothing_leaves_the_key_free(alice):
    task = create(alice)
    many, none = ({"filter": {"status": status}, "op": "delete", "max_affected": 1} for status in ("all", "completed"))
    other = create(alice)
    requests = [
        ({"operations": [{"op": "delete", "id": task["id"]}, {"op": "delete", "id": 2**60}]}, "", 409),
        (many, "", 409),
        (none, "", 200),
        ({"operations": [{"op": "delete", "id": task["id"]}]}, "?dry_run=true", 200),
        ({"filter": {"status": "all"}, "op": "delete", "max_affected": 2}, "?dry_run=true", 200),
    ]
    for body, query, status in requests:
        response = send(alice, body, query=query)
        assert (response.status_code, response.headers.get("Change")) == (status, None)
        assert status == 409 or response.json["data"]["change"] is None
    assert newest(alice) == 2
    # The same body now takes effect: what was in its way is gone.
    alice.send("DELETE", f"/{other['id']}")
    assert send(alice, many).headers["Change"] == "4"
    assert send(alice, many).headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("kind", BODIES)
def test_racing_requests_with_one_key_write_once(alice, kind):
    body = BODIES[kind](create(alice))
    with ThreadPoolExecutor(10) as threads:
        for number in range(5):
            before = newest(alice)
            responses = list(threads.map(lambda _, n=number: send(alice, body, f"k{n}"), range(10)))
            if kind == "list" and number:
                assert {response.status_code for response in responses} == {409}  # The task is gone.
                assert newest(alice) == before
                continue
            written = [response for response in responses if response.status_code == 200]
            assert len({response.data for response in written}) == 1
            assert sum("Idempotency-Replayed" not in response.headers for response in written) == 1
            errors = {r.json["error"]["code"] for r in responses if r.status_code == 409}
            assert errors <= {"CONFLICT"}
            assert newest(alice) == before + len(written[0].json["data"]["results"])
