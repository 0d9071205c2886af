"""Conditional requests: nobody overwrites what he has not seen, and nobody fetches what he has."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.client import Client, raw

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
    answer = write(alice, path, operation, form.format(etag))
    assert answer.status == 200
    assert operation[0] == "DELETE" or answer.headers["ETag"] not in (etag, None)


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize(
    "condition",
    ["OLD", "W/CURRENT", '"x"', '""', 'OLD, "x", W/CURRENT', '"0"', '"02"', '"99999999999999999999"', '"\xe9"', '"*"'],
)
def test_write_on_another_version_fails_and_shows_the_task(alice, task, operation, condition):
    path, current, old, etag = task
    answer = write(alice, path, operation, condition.replace("OLD", old).replace("CURRENT", etag).encode("latin-1"))
    assert (answer.status, answer.error["code"]) == (412, "PRECONDITION_FAILED")
    assert answer.error["details"] == {"current": current}
    assert answer.headers["ETag"] == etag
    assert alice.get(path).data == current


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("condition", ["", "x", '"x', 'x"', "1", "W/*", '* , "1"', '"1" "2"', 'w/"1"', "'1'"])
def test_malformed_condition_is_named_and_nothing_written(alice, task, operation, condition):
    path, current, *_ = task
    answer = write(alice, path, operation, condition)
    assert answer.status == 422
    assert list(answer.error["details"]) == ["If-Match"]
    assert alice.get(path).data == current


@pytest.mark.parametrize("filler", [" , ", "  ,  ", ",", " ", '"a" , ', '"a",'])
def test_long_malformed_condition_is_refused_like_a_short_one(alice, task, filler):
    """In a time that grows with its length: one that could be read in many ways would not be answered at all."""
    condition = '"a"' + filler * (12_000 // len(filler)) + "x"
    answer = write(alice, task[0], WRITES[0], condition)
    assert (answer.status, list(answer.error["details"])) == (422, ["If-Match"])


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("condition", ["*", '"1"'])
def test_condition_on_what_is_not_there_is_not_found(alice, bob, task, operation, condition):
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
            answer = alice.request(method, alice.tasks + path, headers={"If-None-Match": known})
            assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", etag)
            assert answer.headers["Content-Type"] is None
    for unknown in (old, f"W/{old}", '"x"', "", "x", etag.strip('"') + "0", ",", '"'):
        answer = alice.get(path, headers={"If-None-Match": unknown})
        assert (answer.status, answer.data) == (200, current), unknown
    assert alice.get("/0", headers={"If-None-Match": "*"}).status == 404


def test_condition_where_it_has_no_meaning_is_ignored(alice, task):
    path, current, old, _ = task
    assert alice.get(path, headers={"If-Match": old}).data == current
    assert alice.get("", headers={"If-None-Match": "*", "If-Match": "nonsense"}).data == [current]
    assert alice.get(path, headers={"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}).status == 200


@pytest.mark.parametrize("operation", WRITES)
def test_racing_writers_of_one_version_have_one_winner(alice, server, operation):
    """Fifty at once over all workers, again and again."""
    racers = [Client(server.port, token=alice.token, user_id=alice.user_id) for _ in range(50)]
    with ThreadPoolExecutor(len(racers)) as threads:
        for _ in range(5):
            created = alice.post(json={"title": "first"})
            path, etag = f"/{created.data['id']}", created.headers["ETag"]
            answers = list(threads.map(lambda racer, p=path, e=etag: write(racer, p, operation, e), racers))
            statuses = [answer.status for answer in answers]
            assert statuses.count(200) == 1
            assert set(statuses) == {200, 404 if operation[0] == "DELETE" else 412}
    for racer in racers:
        racer.close()
