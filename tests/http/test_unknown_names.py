"""Unknown names: the nearest one that exists is suggested, and the response stays small however many there are."""

import json
from urllib.parse import quote

import pytest

from tests.support.client import JSON, writes


@pytest.mark.parametrize(
    ("name", "suggested"),
    [
        *(("search", "q"), ("query", "q"), ("Q", "q"), ("text", "q")),
        *(("page", "cursor"), ("offset", "cursor"), ("next_cursor", "cursor"), ("curser", "cursor")),
        *(("per_page", "limit"), ("perPage", "limit"), ("page-size", "limit"), ("limt", "limit"), ("Limit", "limit")),
        *(("order", "sort"), ("order_by", "sort"), ("sortBy", "sort"), ("sorts", "sort")),
        *(("done", "status"), ("completed", "status"), ("state", "status"), ("stauts", "status")),
        *(("tags", "tags_any"), ("category", "tags_any"), ("label", "tags_any"), ("exclude_tags", "tags_none")),
        *(("from", "due_from"), ("due_after", "due_from"), ("due_to", "due_before"), ("due_date", "due")),
        *(("timezone", "time_zone"), ("is_overdue", "overdue"), ("prio", "priority"), ("total", "count")),
        *(("created_after", "created_from"), ("updatedAtGte", "updated_from"), ("completed_until", "completed_before")),
        *(("select", "fields"), ("field", "fields")),
        *(("x", None), ("owner", None), ("colour", None), ("", None), ("status" * 20, None), ("用户", None)),
    ],
)
def test_unknown_parameter_is_named_with_the_nearest(alice, name, suggested):
    sentence = f"Unknown parameter. Did you mean {suggested}?" if suggested else "Unknown parameter."
    response = alice.get(f"?{quote(name)}=1")
    assert response.status == 422
    shown, sentences = next(iter(response.error["details"].items()))
    assert shown[:100] == name[:100]
    assert sentences == [sentence]
    assert response.error["message"] == f"{shown}: {sentence}"


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("name", "suggested"),
    [
        *(("name", "title"), ("summary", "title"), ("Title", "title"), ("titel", "title"), ("titles", "title")),
        *(("desc", "description"), ("notes", "description"), ("discription", "description")),
        *(("done", "completed"), ("status", "completed"), ("isDone", "completed"), ("complete", "completed")),
        *(("rrule", "recurrence"), ("repeat", "recurrence"), ("recurring", "recurrence"), ("schedule", "recurrence")),
        *(("x", None), ("parent", None), ("titletitletitletitletitletitletitletitletitle", None)),
    ],
)
def test_unknown_field_is_named_with_the_nearest(alice, task, name, suggested):
    sentence = f"Unknown field. Did you mean {suggested}?" if suggested else "Unknown field."
    for method, path in writes(task)[:3]:
        response = alice.request(method, alice.tasks + path, json={"title": "x", name: 1})
        assert response.error["details"] == {name: [sentence]}
        assert response.error["message"] == f"{name}: {sentence}"


@pytest.mark.usefixtures("unchanged")
def test_completion_suggests_only_what_it_takes(alice, task):
    path = f"/{task['id']}/complete"
    assert alice.patch(path, json={"done": True}).error["details"]["done"] == ["Unknown field. Did you mean completed?"]
    assert alice.patch(path, json={"name": "x"}).error["details"]["name"] == ["Unknown field."]


@pytest.mark.usefixtures("unchanged")
def test_only_unknown_fields_are_not_called_missing_ones(alice, task):
    response = alice.put(f"/{task['id']}", json={"name": "x"})
    assert list(response.error["details"]) == ["name"]


@pytest.mark.usefixtures("unchanged")
def test_only_ten_unknown_names_are_named(alice, task):
    fields = {f"{number:x}": 1 for number in range(5000)}
    for method, path in writes(task)[:3]:
        response = alice.request(method, alice.tasks + path, json={"title": "x", **fields})
        assert list(response.error["details"]) == [*list(fields)[:10], "body"]
        assert response.error["details"]["body"] == ["Contains 4,990 more unknown fields."]
        assert len(response.body) < 2_000
    names = [f"{number:x}" for number in range(1200)]
    response = alice.get("?" + "&".join(f"{name}=" for name in names))
    assert list(response.error["details"]) == [*names[:10], "query"]
    assert response.error["details"]["query"] == ["Contains 1,190 more unknown parameters."]
    repeated = alice.get("?" + "&".join(f"{name}=&{name}=" for name in names[:600]))
    assert list(repeated.error["details"]) == names[:10]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", ["\0" * 10_000, "x" * 60_000, "\ud800" * 10_000, '"' * 30_000, "🙂" * 5_000])
def test_long_unknown_name_is_cut_off(alice, task, name):
    body = json.dumps({name: 1}).encode()
    duplicate = json.dumps({name[:2000]: 1}).encode()[:-1] + b"," + json.dumps({name[:2000]: 1}).encode()[1:]
    for method, path in writes(task):
        for sent in (body, duplicate):
            response = alice.request(method, alice.tasks + path, body=sent, headers=JSON)
            assert response.status == 422
            assert len(response.body) < 4_000


def test_message_names_every_field_as_long_as_they_fit(alice):
    response = alice.post(json={"title": "", "description": 1, "completed": "yes"})
    for name, sentences in response.error["details"].items():
        assert f"{name}: {sentences[0]}" in response.error["message"]
    key = alice.post(json={"title": "x"}, headers={"Idempotency-Key": ""})
    assert key.error["message"] == "Idempotency-Key: " + key.error["details"]["Idempotency-Key"][0]
    many = alice.post(json={"x" * 90 + str(number): 1 for number in range(10)})
    assert len(many.error["message"]) < 520
    assert many.error["message"].endswith("… See details.")
