"""Unknown URLs, ids of any kind, and unsupported methods: the contract's error, and no change."""

from urllib.parse import quote

import pytest

from tests.support.client import make_token

IDS = ["0", "-1", str(2**63 - 1), str(2**63), str(10**30), "1.0", "abc", "%00", "%2F", "1%20", "+1", "01", "1_0", "٣"]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("task_id", IDS)
def test_id_that_no_task_has_is_not_found(alice, task_id):
    path = "/" + quote(task_id, safe="%")
    responses = [
        alice.get(path),
        alice.put(path, json={"title": "x"}),
        alice.patch(path, json={"title": "x"}),
        alice.patch(path + "/complete"),
        alice.delete(path),
    ]
    # A slash in an id makes it another URL, which does not exist.
    code = "NOT_FOUND" if task_id == "%2F" else "TASK_NOT_FOUND"
    assert [(response.status, response.error["code"]) for response in responses] == [(404, code)] * 5


@pytest.mark.parametrize(
    "user_id", ["a b", "zoë", "用户", "x" * 255, "é" * 255, "a@b.c|d:e;f", "%2F%00", "'; --", "..x", "a+b"]
)
def test_user_ids_of_any_characters_work(new_client, user_id):
    user = new_client(user_id)
    task = user.create()
    assert task["user_id"] == user_id
    assert user.get().data == [task]
    assert user.get(f"/{task['id']}").data == task


@pytest.mark.parametrize("user_id", ["x" * 256, "\0", "a\0b"])
def test_user_id_that_no_task_can_have_is_named(new_client, user_id):
    user = new_client(user_id)
    for response in (user.get(), user.post(json={"title": "x"}), user.get("/1"), user.delete("/1")):
        assert response.status == 422
        assert list(response.error["details"]) == ["user_id"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/a%2Fb/tasks",
        "/api//tasks",
        "/api/a//tasks",
        "/api/a/tasks/",
        "/api/a/tasks/1/",
        "/api",
        "/api/a/nothing",
        "/nothing",
    ],
)
def test_unknown_url_is_not_found(alice, path):
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        response = alice.request(method, path)
        assert (response.status, response.error["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "path", ["/api/a", "/api/a/tasks", "/api/a%20b/tasks/1", "/api/a/tasks/1/complete", "/health", "/docs"]
)
@pytest.mark.parametrize("slashes", ["/", "///"])
def test_slash_at_the_end_is_named(alice, path, slashes):
    for method in ("GET", "POST", "DELETE"):
        response = alice.request(method, f"{path}{slashes}?q=x")
        assert (response.status, response.error["code"]) == (404, "NOT_FOUND")
        assert response.error["message"] == f"This URL does not exist. Did you mean {path}?"


@pytest.mark.parametrize("path", ["/nothing/", "/api/", "/api/a/x/", "/api/a/tasks/1/complete/x/", "/nothing"])
def test_slash_at_the_end_of_no_url_is_not_named(alice, path):
    assert alice.request("GET", path).error["message"] == "This URL does not exist."


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("task_id", ["search", "0", "statsx", "stat", "Stats", "99999999999999999999"])
def test_invalid_id_is_not_found_before_the_input_is_read(alice, task_id):
    json_type = {"Content-Type": "application/json"}
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        for options in ({}, {"body": b"{", "headers": json_type}, {"json": {"x": 1}}):
            response = alice.request(method, f"{alice.tasks}/{task_id}?q=x&q=y", **options)
            assert (response.status, response.error["code"]) == (404, "TASK_NOT_FOUND")
            assert response.error["message"] == "Task not found."
    assert alice.request("PATCH", f"{alice.tasks}/{task_id}/complete?x=1", json={"x": 1}).status == 404
    assert alice.request("GET", f"/api/somebody/tasks/{task_id}").status == 403  # As for any other id.
    assert alice.get(f"/{task_id}", token=None).status == 401


def test_fixed_path_is_no_id_with_any_method(alice):
    stats = f"{alice.tasks}/stats"
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        response = alice.request(method, f"{stats}?time_zone=UTC", json={"title": "x"})
        assert (response.status, response.error["code"]) == (405, "METHOD_NOT_ALLOWED")
        assert {allowed.strip() for allowed in response.headers["Allow"].split(",")} == {"GET", "HEAD", "OPTIONS"}
    assert alice.request("OPTIONS", stats).status == 204
    assert alice.request("HEAD", f"{stats}?time_zone=UTC").status == 200
    assert alice.get("/stats/?time_zone=UTC").error["message"].endswith("/tasks/stats?")


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "NONSENSE", "QUERY"])
def test_unsupported_method_is_not_allowed(alice, method):
    response = alice.request(method, alice.tasks)
    assert (response.status, response.error["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert {"GET", "POST"} <= {allowed.strip() for allowed in response.headers["Allow"].split(",")}
    assert "PUT" in alice.request("POST", f"{alice.tasks}/1", json={}).headers["Allow"]


def test_raw_bytes_in_a_path_are_an_error_not_a_crash(alice, secret):
    token = make_token(secret, user_id="\ufffd")
    assert alice.request("GET", "/api/%FF/tasks", token=token).status == 200
    assert alice.request("GET", "/api/%ed%a0%80/tasks").status == 403


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example"])
def test_invalid_host_is_malformed(alice, host):
    response = alice.request("GET", alice.tasks, headers={"Host": host})
    assert (response.status, response.error["code"]) == (400, "MALFORMED_REQUEST")


def test_offer_to_change_the_protocol_is_ignored(alice):  # RFC 9110, section 7.8: a server may.
    response = alice.request("GET", alice.tasks, headers={"Connection": "Upgrade", "Upgrade": "websocket"})
    assert response.status == 200
