"""The tags of a task are a set: each once, sorted by code point, changed by any number of clients at once."""

import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest


# What is sent, and what is stored: trimmed, in NFC, sorted by code point.
@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ([], []),
        (None, []),
        (["home", "errand"], ["errand", "home"]),
        (["b", "A", "a", "Z", "é", "🙂", "z"], ["A", "Z", "a", "b", "z", "é", "🙂"]),
        (["  home \t", "in  side"], ["home", "in  side"]),
        ([unicodedata.normalize("NFD", "é")], ["é"]),
        (["שלום", "עולם", "مرحبا"], ["עולם", "שלום", "مرحبا"]),
        (["x" * 50, "🙂" * 50], ["x" * 50, "🙂" * 50]),
        (
            ["null", "'; --", 'a"b', "{a}", "\\", "%s", ":x", "NULL"],
            ["%s", "'; --", ":x", "NULL", "\\", 'a"b', "null", "{a}"],
        ),
        ([f"tag {number:02}" for number in range(20)], [f"tag {number:02}" for number in range(20)]),
    ],
)
def test_tags_are_a_set_in_the_order_of_code_points(alice, sent, stored):
    task = alice.create(tags=sent)
    assert task["tags"] == stored
    other = alice.create(tags=["before"])
    assert alice.put(f"/{other['id']}", json={"tags": sent}).data["tags"] == stored
    merged = alice.patch(f"/{alice.create()['id']}", json={"add_tags": sent or []})
    assert merged.data["tags"] == stored
    assert alice.get(f"/{task['id']}").data == task
    key = {"Idempotency-Key": "k"}
    first = alice.post(json={"title": "x", "tags": sent}, headers=key)
    assert alice.post(json={"title": "x", "tags": sent}, headers=key).body == first.body


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("tags", "sentences"),
    [
        ([f"{number}" for number in range(21)], ["Must be at most 20 tags."]),
        (["a", ""], ["Tag 2 must be 1 to 50 characters, excluding surrounding white space."]),
        (["a", "x" * 51], ["Tag 2 must be 1 to 50 characters, excluding surrounding white space."]),
        (["a,b"], ["Tag 1 must not contain a comma."]),
        (["home", "home"], ["Must not contain a tag twice."]),
        (["home", " home "], ["Must not contain a tag twice."]),
        (["é", "e\u0301"], ["Must not contain a tag twice."]),
        ("home", ["Not a valid list."]),
        ({"0": "home"}, ["Not a valid list."]),
        ([None], ["Tag 1 field may not be null."]),
        ([1, "a", []], ["Tag 1 not a valid string.", "Tag 3 not a valid string."]),
    ],
)
def test_bad_tags_say_which_and_why(alice, task, tags, sentences):
    for name in ("tags", "add_tags", "remove_tags"):
        for method, path in (("POST", ""), ("PUT", f"/{task['id']}"), ("PATCH", f"/{task['id']}")):
            if name == "tags" or path:
                response = alice.request(method, alice.tasks + path, json={"title": "x", name: tags})
                assert (response.status, response.error["details"]) == (422, {name: sentences})


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("tag", ["a\0b", "\u200b", " \t", "\ud800", "\x01"])
def test_tag_that_nobody_can_see_is_rejected(alice, task, tag):
    response = alice.patch(f"/{task['id']}", json={"tags": [tag]})
    assert (response.status, list(response.error["details"])) == (422, ["tags"])
    assert all(sentence.startswith("Tag 1 ") for sentence in response.error["details"]["tags"])


@pytest.mark.parametrize(
    ("change", "tags"),
    [
        ({"add_tags": ["c", "A"]}, ["A", "a", "b", "c"]),
        ({"add_tags": ["a"]}, ["a", "b"]),
        ({"remove_tags": ["a", "x"]}, ["b"]),
        ({"add_tags": ["é"], "remove_tags": ["a", "b"]}, ["é"]),
        ({"add_tags": []}, ["a", "b"]),
        ({"tags": ["x"]}, ["x"]),
        ({"tags": None}, []),
    ],
)
def test_tags_are_added_and_removed(alice, change, tags):
    task = alice.create(tags=["b", "a"])
    changed = alice.patch(f"/{task['id']}", json=change)
    assert (changed.status, changed.data["tags"], changed.data["version"]) == (200, tags, 2)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("change", "details"),
    [
        ({"tags": [], "add_tags": ["a"]}, {"add_tags": ["Must not be sent together with tags."]}),
        ({"tags": None, "remove_tags": []}, {"remove_tags": ["Must not be sent together with tags."]}),
        ({"add_tags": ["a"], "remove_tags": ["b", "a"]}, {"remove_tags": ["Must not contain a tag of add_tags: a."]}),
        ({"add_tags": None}, {"add_tags": ["Field may not be null."]}),
    ],
)
def test_tags_that_contradict_each_other_are_rejected(alice, task, change, details):
    for method in ("PUT", "PATCH"):
        response = alice.request(method, f"{alice.tasks}/{task['id']}", json=change)
        assert (response.status, response.error["details"]) == (422, details)


def test_tags_to_add_are_at_most_those_that_fit(alice):
    task = alice.create(tags=[f"{number}" for number in range(15)])
    path = f"/{task['id']}"
    for headers in ({}, {"Idempotency-Key": "k"}, {"If-Match": '"1"'}):
        more = alice.patch(
            path, json={"add_tags": [f"{number}" for number in range(21) if number > 10]}, headers=headers
        )
        assert (more.status, more.error["details"]) == (422, {"add_tags": ["The task would have more than 20 tags."]})
    assert alice.get(path).data == task
    exchanged = alice.patch(path, json={"add_tags": list("abcdef"), "remove_tags": ["0"]})
    assert (exchanged.status, len(exchanged.data["tags"])) == (200, 20)


def test_racing_clients_add_their_tags_without_losing_any(alice, new_client):
    task = alice.create(tags=["first"])
    racers = [new_client(alice.user_id) for _ in range(19)]
    with ThreadPoolExecutor(len(racers)) as threads:
        numbers = range(len(racers))
        changed = list(
            threads.map(lambda racer, n: racer.patch(f"/{task['id']}", json={"add_tags": [f"{n:02}"]}), racers, numbers)
        )
    assert {response.status for response in changed} == {200}
    assert alice.get(f"/{task['id']}").data["tags"] == sorted(["first", *(f"{number:02}" for number in numbers)])
