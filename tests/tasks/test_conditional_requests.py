"""Conditional requests: no write overwrites an unseen version, and no read repeats a known one."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.client import raw

WRITES = [
    ("PUT", "", {"json": {"title": "changed"}}),
    ("PATCH", "", {"json": {"title": "changed"}}),
    ("PATCH", "/complete", {"json": {"completed": True}}),
    ("PATCH", "/complete", {}),
    ("DELETE", "", {}),
]


@pytest.fixture
def task(alice):
    """A task in its second version, with the entity tags of both."""
    created = alice.post(json={"title": "first"})
    path = f"/{created.data['id']}"
    changed = alice.put(path, json={"title": "second"})
    return path, changed.data, created.headers["ETag"], changed.headers["ETag"]


def write(client, path, operation, condition):
    method, suffix, options = operation
    return client.request(method, f"{client.tasks}{path}{suffix}", headers={"If-Match": condition}, **options)


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("form", ["{0}", " {0} ", '"x", {0}', '{0}, "x"', ",,{0},", 'W/"x" ,{0}', "*", " * "])
def test_write_on_the_current_version_succeeds(alice, task, operation, form):
    path, _, _, etag = task
    response = write(alice, path, operation, form.format(etag))
    assert response.status == 200
    assert operation[0] == "DELETE" or response.headers["ETag"] not in (etag, None)


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize(
    "condition",
    ["OLD", "W/CURRENT", '"x"', '""', 'OLD, "x", W/CURRENT', '"0"', '"02"', '"99999999999999999999"', '"\xe9"', '"*"'],
)
def test_write_on_another_version_fails_and_shows_the_task(alice, task, operation, condition):
    path, current, old, etag = task
    response = write(alice, path, operation, condition.replace("OLD", old).replace("CURRENT", etag).encode("latin-1"))
    assert (response.status, response.error["code"]) == (412, "PRECONDITION_FAILED")
    assert response.error["details"] == {"current": current, "changed": ["title"] if condition == "OLD" else None}
    assert response.headers["ETag"] == etag
    assert alice.get(path).data == current


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("condition", ["W/{0}", '"2-gzip"', '"2;gzip"', '"9", W/{0}', '"2:zstd"', "W/{0} , {1}"])
def test_conflict_explains_a_tag_that_a_proxy_changed(alice, task, operation, condition):
    path, _, old, etag = task
    response = write(alice, path, operation, condition.format(etag, old))
    assert response.status == 412
    assert "a proxy that compresses" in response.error["message"].lower()
    assert "proxy" not in write(alice, path, operation, old).error["message"]


@pytest.mark.parametrize("operation", WRITES)
def test_version_in_a_list_is_the_tag_for_a_write(alice, bob, operation):
    """Without a read of the task before the write."""
    for client in (alice, bob):
        client.create()
    listed = alice.get().data[0]
    condition = f'"{listed["version"]}"'
    path = f"/{listed['id']}"
    assert alice.get(path).headers["ETag"] == condition
    assert write(bob, path, operation, condition).status == 404
    changed = write(alice, path, operation, condition)
    assert changed.status == 200
    if operation[0] != "DELETE":
        assert changed.data["version"] == listed["version"] + 1
        conflict = write(alice, path, operation, condition)
        assert conflict.headers["ETag"] == f'"{conflict.error["details"]["current"]["version"]}"' == '"2"'


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("condition", ["", "x", '"x', 'x"', "1", "W/*", '* , "1"', '"1" "2"', 'w/"1"', "'1'"])
def test_malformed_condition_is_named_and_nothing_written(alice, task, operation, condition):
    path, current, *_ = task
    response = write(alice, path, operation, condition)
    assert response.status == 422
    assert list(response.error["details"]) == ["If-Match"]
    assert alice.get(path).data == current


def test_malformed_condition_on_a_new_task_is_rejected(alice):
    response = alice.post(headers={"If-Match": "x"}, json={"title": "first"})
    assert (response.status, list(response.error["details"])) == (422, ["If-Match"])
    assert alice.post(headers={"If-Match": '"9"'}, json={"title": "first"}).status == 201
    assert len(alice.get().data) == 1


@pytest.mark.parametrize("filler", [" , ", "  ,  ", ",", " ", '"a" , ', '"a",'])
def test_long_malformed_condition_is_rejected_like_a_short_one(alice, task, filler):
    """The time grows linearly with the length. An ambiguous pattern would make it exponential."""
    condition = '"a"' + filler * (12_000 // len(filler)) + "x"
    response = write(alice, task[0], WRITES[0], condition)
    assert (response.status, list(response.error["details"])) == (422, ["If-Match"])


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("condition", ["*", '"1"'])
def test_condition_on_a_missing_task_is_not_found(alice, bob, task, operation, condition):
    path, current, *_ = task
    for client, missing in [(bob, path), (alice, "/0"), (alice, "/9223372036854775807")]:
        assert write(client, missing, operation, condition).error["code"] == "TASK_NOT_FOUND"
    assert alice.get(path).data == current


def test_condition_in_several_headers_is_one_list(alice, server, task):
    path, _, old, etag = task
    head = f"DELETE {alice.tasks}{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n"
    for second, status in [('"x"', 412), ("nonsense", 422), (etag, 200)]:
        request = f"{head}If-Match: {old}\r\nIf-Match: {second}\r\n\r\n"
        assert raw(server.port, request.encode()).status == status


def test_get_of_a_known_version_has_no_body(alice, task):
    path, current, old, etag = task
    for method in ("GET", "HEAD"):
        for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
            response = alice.request(method, alice.tasks + path, headers={"If-None-Match": known})
            assert (response.status, response.body, response.headers["ETag"]) == (304, b"", etag)
            assert response.headers["Content-Type"] is None
    for unknown in (old, f"W/{old}", '"x"', "", "x", etag.strip('"') + "0", ",", '"'):
        response = alice.get(path, headers={"If-None-Match": unknown})
        assert (response.status, response.data) == (200, current), unknown
    assert alice.get("/0", headers={"If-None-Match": "*"}).status == 404


def test_condition_without_a_meaning_is_ignored(alice, task):
    path, current, old, _ = task
    assert alice.get(path, headers={"If-Match": old}).data == current
    assert alice.get("", headers={"If-None-Match": "*", "If-Match": "nonsense"}).data == [current]
    assert alice.get(path, headers={"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}).status == 200


@pytest.mark.parametrize("operation", WRITES)
def test_racing_writers_of_one_version_have_one_winner(alice, new_client, operation):
    """Fifty at once over all workers, again and again."""
    racers = [new_client(alice.user_id) for _ in range(50)]
    with ThreadPoolExecutor(len(racers)) as threads:
        for _ in range(5):
            created = alice.post(json={"title": "first"})
            path, etag = f"/{created.data['id']}", created.headers["ETag"]
            responses = list(threads.map(lambda racer, p=path, e=etag: write(racer, p, operation, e), racers))
            statuses = [response.status for response in responses]
            assert statuses.count(200) == 1
            assert set(statuses) == {200, 404 if operation[0] == "DELETE" else 412}
