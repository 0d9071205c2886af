"""Bad fields and parameters get the contract's error, which names them, and change nothing."""

from urllib.parse import quote

import pytest

from tests.support.client import JSON, writes

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
        response = alice.request(method, alice.tasks + path, json={"title": title})
        assert (response.status, response.error["code"]) == (422, "VALIDATION_ERROR")
        assert_one_sentence_each(response, "title")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("description", ["x" * 1001, "🙂" * 1001, "a\0", "\ud800", 1, False, [], {}], ids=range(8))
def test_invalid_description_is_named(alice, task, description):
    for method, path in writes(task)[:3]:
        response = alice.request(method, alice.tasks + path, json={"title": "x", "description": description})
        assert response.status == 422
        assert_one_sentence_each(response, "description")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "completed", [None, 0, 1, 1.0, 10**30, "", "true", "false", "yes", [], [True], {}], ids=range(12)
)
def test_invalid_completed_is_named(alice, task, completed):
    for method, path in writes(task):
        fields = {"completed": completed} if path.endswith("complete") else {"title": "x", "completed": completed}
        response = alice.request(method, alice.tasks + path, json=fields)
        assert response.status == 422
        assert_one_sentence_each(response, "completed")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", ["Title", "", "a b", "__proto__", "\0", "\ud800", "x" * 9000])
def test_unknown_field_is_named(alice, task, name):
    for method, path in writes(task):
        response = alice.request(method, alice.tasks + path, json={"title": "x", "completed": True, name: 1})
        assert response.status == 422
        shown = name if len(name) <= 100 else f"{name[:100]}…"
        assert shown.encode(errors="replace").decode() in response.error["details"]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("user_id", ["somebody", "", None, 1, ["x"]])
def test_other_user_id_in_a_body_is_named(alice, task, user_id):
    requests = [*writes(task), ("DELETE", f"/{task['id']}"), ("GET", f"/{task['id']}"), ("GET", "")]
    for method, path in requests:
        fields = {"user_id": user_id}
        if method in {"POST", "PUT", "PATCH"}:
            fields |= {"completed": True} if path.endswith("complete") else {"title": "x"}
        response = alice.request(method, alice.tasks + path, json=fields)
        assert response.status == 422
        assert_one_sentence_each(response, "user_id")


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
def test_unknown_query_parameter_is_named(alice, task, query, name):
    requests = [*writes(task), ("DELETE", f"/{task['id']}"), ("GET", f"/{task['id']}"), ("GET", "")]
    for method, path in requests:
        body = {} if method in {"GET", "DELETE"} else {"json": {"title": "x"}}
        response = alice.request(method, f"{alice.tasks}{path}?{query}", **body)
        assert response.status == 422
        assert name in response.error["details"]


@pytest.mark.parametrize(
    ("parameter", "values"),
    [
        ("limit", ["0", "-1", "1001", "", "ten", "1.0", "1e2", "1_0", " 5", "+5", "٥", "9" * 30, "9" * 5000, "0x10"]),
        ("status", ["", "done", "ALL", "pending,completed", "%00", "true"]),
    ],
)
def test_invalid_list_parameter_is_named(alice, parameter, values):
    for value in values:
        response = alice.get(f"?{parameter}={quote(value, safe='%')}")
        assert response.status == 422, value
        assert list(response.error["details"]) == [parameter]


def test_empty_parameters_have_one_sentence_each(alice):
    """Generic HTTP clients send all parameters, and those that nobody set as empty ones."""
    sentence = ["Must not be empty. Omit it instead."]
    response = alice.get("?cursor=&limit=&sort=&status=&q=")
    assert response.error["details"] == dict.fromkeys(("cursor", "limit", "sort", "status"), sentence)
    for name in ("cursor", "limit", "sort", "status"):
        response = alice.get(f"?{name}")
        assert (response.status, response.error["message"]) == (422, f"{name}: {sentence[0]}")
    assert alice.get("?q=").status == 200  # Every title contains an empty text.
    assert alice.get("?completed=").error["message"] == "completed: Unknown parameter. Did you mean status?"


@pytest.mark.usefixtures("unchanged")
def test_every_invalid_field_is_named_at_once(alice, task):
    response = alice.put(f"/{task['id']}", json={"title": " ", "description": 1, "completed": "yes", "more": 1})
    assert response.error["details"].keys() == {"title", "description", "completed", "more"}


@pytest.mark.usefixtures("unchanged")
def test_missing_field_is_named(alice, task):
    assert list(alice.post(json={}).error["details"]) == ["title"]
    path = f"/{task['id']}"
    for body in ({}, {"user_id": alice.user_id}):
        assert list(alice.put(path, json=body).error["details"]) == ["body"]
        assert list(alice.patch(path, json=body).error["details"]) == ["body"]
        # An empty object is no empty body. A value may have been lost, so the task is not toggled.
        assert list(alice.patch(path + "/complete", json=body).error["details"]) == ["completed"]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("body", [b'{"title": "a", "title": "b"}', b'{"title": "a", "title": "a"}'])
def test_duplicate_name_is_named(alice, task, body):
    for method, path in writes(task):
        response = alice.request(method, alice.tasks + path, body=body, headers=JSON)
        assert response.status == 422
        assert list(response.error["details"]) == ["title"]


def assert_one_sentence_each(response, name):
    """The details name only this field, with sentences."""
    assert list(response.error["details"]) == [name]
    sentences = response.error["details"][name]
    assert sentences
    assert all(sentence.endswith(".") and sentence[0].isupper() for sentence in sentences)
