"""Bad input gets the contract's error, names what is wrong, and changes nothing."""

from urllib.parse import quote

import pytest

from tests.client import raw

JSON = {"Content-Type": "application/json"}


def writes(task):
    """Every route that reads a body."""
    return [("POST", ""), ("PUT", f"/{task['id']}"), ("PATCH", f"/{task['id']}"), ("PATCH", f"/{task['id']}/complete")]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{'title': 'x'}",
        b'{"title": "x",}',
        b'{"title": NaN}',
        b'{"title": Infinity}',
        b"nothing",
        b" ",
        b"[]",
        b"[1, 2]",
        b'"title"',
        b"null",
        b"1",
        b"true",
        b'{"title": "\xff"}',
        b'{"title": "caf\xe9"}',
        b'\xef\xbb\xbf{"title": "byte order mark"}',
        '{"title": "x"}'.encode("utf-16"),
        b"[" * 30_000,
        b'{"title":' * 6_000,
        b'{"title": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b'{"completed": ' + b"1" * 5_000 + b"}",
    ],
    ids=range(21),
)
def test_body_that_is_no_json_object_is_malformed(alice, task, body):
    for method, path in writes(task):
        answer = alice.request(method, alice.tasks + path, body=body, headers=JSON)
        assert (answer.status, answer.error["code"]) == (400, "MALFORMED_REQUEST")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("headers", [{}, JSON, {"Content-Type": "text/plain"}])
def test_empty_body_where_one_is_needed_is_malformed(alice, task, headers):
    for method, path in writes(task)[:3]:
        answer = alice.request(method, alice.tasks + path, headers=headers)
        assert (answer.status, answer.error["code"]) == (400, "MALFORMED_REQUEST")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/jsonx",
        "nonsense",
    ],
)
def test_body_that_is_not_json_by_its_type_is_unsupported(alice, task, content_type):
    headers = {} if content_type is None else {"Content-Type": content_type}
    for method, path in [*writes(task), ("DELETE", f"/{task['id']}")]:
        answer = alice.request(method, alice.tasks + path, body=b'{"title": "x"}', headers=headers)
        assert (answer.status, answer.error["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.usefixtures("unchanged")
def test_patch_of_another_kind_is_unsupported(alice, task):
    headers = {"Content-Type": "application/json-patch+json"}
    answer = alice.patch(f"/{task['id']}", json={"title": "x"}, headers=headers)
    assert answer.status == 415


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=UTF-8", "application/x+json"])
def test_json_by_its_type_is_taken(alice, content_type):
    assert alice.post(json={"title": "x"}, headers={"Content-Type": content_type}).status == 201


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("size", [64 * 1024 + 1, 1024 * 1024, 16 * 1024 * 1024])
def test_body_over_64_kib_is_too_large(alice, task, size):
    body = b'{"title": "' + b"x" * (size - 13) + b'"}'
    for method, path in writes(task):
        answer = alice.request(method, alice.tasks + path, body=body, headers=JSON)
        assert (answer.status, answer.error["code"]) == (413, "PAYLOAD_TOO_LARGE")


def test_large_body_is_read_to_its_end_whatever_is_wrong(alice):
    body, chunk = b"x" * 8 * 1024 * 1024, b"100000\r\n" + b"x" * 1024 * 1024 + b"\r\n"
    for options in ({"body": body}, {"body": chunk * 8 + b"0\r\n\r\n", "headers": {"Transfer-Encoding": "chunked"}}):
        assert alice.post(token=None, **options).status == 401
        assert alice.request("POST", "/nothing", **options).status == 404
        assert alice.request("POST", "/health", **options).status == 405


def send_part(client, port, method, path, part):
    """Send a request whose body ends before its Content-Length, as a client does that dies."""
    head = f"{method} {client.tasks}{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.token}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 50\r\n\r\n"
    return raw(port, head.encode() + part, finish=True)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("part", [b"", b'{"title": "x"}', b'{"completed": true}'])
def test_body_that_is_cut_short_is_malformed(alice, server, task, part):
    for method, path in [*writes(task), ("DELETE", f"/{task['id']}"), ("GET", "")]:
        answer = send_part(alice, server.port, method, path, part)
        assert (answer.status, answer.error["code"]) == (400, "MALFORMED_REQUEST")


@pytest.mark.parametrize("length", ["65537", str(2**63), str(10**30)])
def test_large_body_is_answered_before_it_has_come(alice, server, length):
    head = f"POST {alice.tasks} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n"
    answer = raw(server.port, f"{head}Content-Length: {length}\r\n\r\n{{".encode())
    assert (answer.status, answer.error["code"]) == (413, "PAYLOAD_TOO_LARGE")


def test_body_of_64_kib_is_read(alice):
    body = b'{"title": "x"' + b" " * (64 * 1024 - 14) + b"}"
    assert len(body) == 64 * 1024
    assert alice.request("POST", alice.tasks, body=body, headers=JSON).status == 201


def test_chunked_body_is_read_and_limited(alice):
    chunked = {**JSON, "Transfer-Encoding": "chunked"}
    assert alice.post(body=b'e\r\n{"title": "x"}\r\n0\r\n\r\n', headers=chunked).status == 201
    large = b"".join(b"1000\r\n" + b" " * 4096 + b"\r\n" for _ in range(17)) + b"0\r\n\r\n"
    assert alice.post(body=large, headers=chunked).status == 413
    answer = alice.post(body=b"xyz\r\n{}\r\n0\r\n\r\n", headers=chunked)
    assert (answer.status, answer.error["code"]) == (400, "MALFORMED_REQUEST")


TITLES = {
    "blank": ["", " ", "\t\r\n", "\u00a0\u3000"],
    "too long": ["x" * 256, "🙂" * 256, "x" * 60_000],
    "with NUL": ["\0", "a\0b", " \0 "],
    "with half a surrogate pair": ["\ud800", "a\udfffb", "\udc00\ud800"],
    "no string": [None, 1, 1.5, True, [], ["x"], {}, {"a": "b"}],
}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "title", [pytest.param(title, id=f"{kind} {n}") for kind in TITLES for n, title in enumerate(TITLES[kind])]
)
def test_invalid_title_is_named(alice, task, title):
    for method, path in writes(task)[:3]:
        answer = alice.request(method, alice.tasks + path, json={"title": title})
        assert (answer.status, answer.error["code"]) == (422, "VALIDATION_ERROR")
        assert_one_sentence_each(answer, "title")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("description", ["x" * 1001, "🙂" * 1001, "a\0", "\ud800", 1, False, [], {}], ids=range(8))
def test_invalid_description_is_named(alice, task, description):
    for method, path in writes(task)[:3]:
        answer = alice.request(method, alice.tasks + path, json={"title": "x", "description": description})
        assert answer.status == 422
        assert_one_sentence_each(answer, "description")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "completed", [None, 0, 1, 1.0, 10**30, "", "true", "false", "yes", [], [True], {}], ids=range(12)
)
def test_invalid_completed_is_named(alice, task, completed):
    for method, path in writes(task):
        fields = {"completed": completed} if path.endswith("complete") else {"title": "x", "completed": completed}
        answer = alice.request(method, alice.tasks + path, json=fields)
        assert answer.status == 422
        assert_one_sentence_each(answer, "completed")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "name", ["id", "created_at", "updated_at", "version", "Title", "", "a b", "__proto__", "\0", "\ud800", "x" * 9000]
)
def test_unknown_field_is_named(alice, task, name):
    for method, path in writes(task):
        answer = alice.request(method, alice.tasks + path, json={"title": "x", "completed": True, name: 1})
        assert answer.status == 422
        assert name.encode(errors="replace").decode() in answer.error["details"]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("user_id", ["somebody", "", None, 1, ["x"]])
def test_other_user_id_in_a_body_is_named(alice, task, user_id):
    requests = [*writes(task), ("DELETE", f"/{task['id']}"), ("GET", f"/{task['id']}"), ("GET", "")]
    for method, path in requests:
        fields = {"user_id": user_id}
        if method in {"POST", "PUT", "PATCH"}:
            fields |= {"completed": True} if path.endswith("complete") else {"title": "x"}
        answer = alice.request(method, alice.tasks + path, json=fields)
        assert answer.status == 422
        assert_one_sentence_each(answer, "user_id")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("user_id=somebody", "user_id"),
        ("user_id=", "user_id"),
        ("unknown=1", "unknown"),
        ("limit=1&limit=2", "limit"),
        ("%00=1", "\0"),
        ("%ff=1", "%FF"),
    ],
)
def test_query_parameter_that_is_not_taken_is_named(alice, task, query, name):
    requests = [*writes(task), ("DELETE", f"/{task['id']}"), ("GET", f"/{task['id']}"), ("GET", "")]
    for method, path in requests:
        body = {} if method in {"GET", "DELETE"} else {"json": {"title": "x"}}
        answer = alice.request(method, f"{alice.tasks}{path}?{query}", **body)
        assert answer.status == 422
        assert name in answer.error["details"]


@pytest.mark.parametrize(
    ("parameter", "values"),
    [
        ("limit", ["0", "-1", "1001", "", "ten", "1.0", "1e2", "1_0", " 5", "+5", "٥", "9" * 30, "9" * 5000, "0x10"]),
        ("status", ["", "done", "ALL", "pending,completed", "%00", "true"]),
    ],
)
def test_invalid_list_parameter_is_named(alice, parameter, values):
    for value in values:
        answer = alice.get(f"?{parameter}={quote(value, safe='%')}")
        assert answer.status == 422, value
        assert list(answer.error["details"]) == [parameter]


@pytest.mark.usefixtures("unchanged")
def test_every_invalid_field_is_named_at_once(alice, task):
    answer = alice.put(f"/{task['id']}", json={"title": " ", "description": 1, "completed": "yes", "more": 1})
    assert answer.error["details"].keys() == {"title", "description", "completed", "more"}


@pytest.mark.usefixtures("unchanged")
def test_body_without_what_is_needed_says_what(alice, task):
    assert list(alice.post(json={}).error["details"]) == ["title"]
    path = f"/{task['id']}"
    for body in ({}, {"user_id": alice.user_id}):
        assert list(alice.put(path, json=body).error["details"]) == ["body"]
        assert list(alice.patch(path, json=body).error["details"]) == ["body"]
        # An empty object is no empty body: it may be a value that got lost, so nothing is turned round.
        assert list(alice.patch(path + "/complete", json=body).error["details"]) == ["completed"]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("body", [b'{"title": "a", "title": "b"}', b'{"title": "a", "title": "a"}'])
def test_duplicate_name_is_named(alice, task, body):
    for method, path in writes(task):
        answer = alice.request(method, alice.tasks + path, body=body, headers=JSON)
        assert answer.status == 422
        assert list(answer.error["details"]) == ["title"]


@pytest.mark.usefixtures("unchanged")
def test_body_where_none_belongs_is_refused(alice, task):
    for method, path in [("GET", ""), ("GET", f"/{task['id']}"), ("DELETE", f"/{task['id']}")]:
        assert alice.request(method, alice.tasks + path, json={"title": "x"}).error["details"].keys() == {"title"}
        assert alice.request(method, alice.tasks + path, body=b"{", headers=JSON).status == 400
        assert alice.request(method, alice.tasks + path, body=b"x").status == 415


def assert_one_sentence_each(answer, name):
    """The details name this field alone, with sentences."""
    assert list(answer.error["details"]) == [name]
    sentences = answer.error["details"][name]
    assert sentences
    assert all(sentence.endswith(".") and sentence[0].isupper() for sentence in sentences)
