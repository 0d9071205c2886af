"""The rename and the removal of a tag on all tasks of a user, and what they do with odd names."""

import unicodedata
from urllib.parse import quote

import pytest

NAMES = ["B", "a", "z", "é", "🙂", "בית", "a b", "a/b", "%", "a&b=c", "'; --"]
# Names that no tag can have, and a part of the sentence about each.
INVALID = {
    "": "1 to 50",
    "  ": "1 to 50",
    "x" * 51: "1 to 50",
    "a,b": "comma",
    "a\0b": "NUL",
    "\u200b": "visible",
}


@pytest.fixture
def tags(alice):
    """Sends requests about the tags of alice."""

    def send(method, name=None, **options):
        query = "" if name is None else f"?name={quote(name, safe='')}"
        return alice.request(method, alice.tags + query, **options)

    return send


def rename(tags, name, new_name, **options):
    return tags("PATCH", name, json={"name": new_name}, **options)


def names_of(tags):
    return [tag["name"] for tag in tags("GET").data]


def test_rename_changes_version_and_time_of_the_tasks_that_have_the_tag(alice, tags):
    others, tagged = [alice.create(), alice.create(tags=["garden"])], alice.create(tags=["home", "z"])
    response = rename(tags, "home", "house")
    assert response.data == {"name": "house", "tasks": 1}
    changed = alice.get(f"/{tagged['id']}").data
    assert (changed["tags"], changed["version"]) == (["house", "z"], 4)
    assert response.headers["Change"] == "4"
    assert changed["updated_at"] > tagged["updated_at"]
    assert {**changed, **{name: tagged[name] for name in ("tags", "version", "updated_at")}} == tagged
    assert [alice.get(f"/{task['id']}").data for task in others] == others
    assert alice.put(f"/{tagged['id']}", json={"title": "x"}, headers={"If-Match": '"3"'}).status == 412


@pytest.mark.parametrize(("method", "options"), [("PATCH", {"json": {"name": "house"}}), ("DELETE", {})])
def test_request_without_the_name_in_the_query_says_where_it_belongs(tags, method, options):
    response = tags(method, **options)
    assert (response.status, response.error["details"]) == (422, {"name": ["Is needed in the query, as ?name=home."]})


def test_rename_merges_and_keeps_tags_sorted(alice, tags):
    tasks = [alice.create(tags=names) for names in (["a", "home", "house"], ["home"], ["house"], ["B", "home", "m"])]
    assert rename(tags, "home", "house").data == {"name": "house", "tasks": 3}
    assert [alice.get(f"/{task['id']}").data["tags"] for task in tasks] == [
        ["a", "house"],
        ["house"],
        ["house"],
        ["B", "house", "m"],
    ]
    assert rename(tags, "house", "A").data["tasks"] == 4
    assert alice.get(f"/{tasks[3]['id']}").data["tags"] == ["A", "B", "m"]


def test_rename_of_one_of_20_tags(alice, tags):
    names = [f"tag {number:02}" for number in range(20)]
    task = alice.create(tags=names)
    assert rename(tags, names[0], "z" * 50).data["tasks"] == 1
    assert alice.get(f"/{task['id']}").data["tags"] == [*names[1:], "z" * 50]


@pytest.mark.parametrize("new_name", ["é", " é ", unicodedata.normalize("NFD", "é")])
def test_rename_to_the_same_name_changes_no_task(alice, tags, new_name):
    task = alice.create(tags=["é"])
    assert rename(tags, "é", new_name).data == {"name": "é", "tasks": 0}
    assert alice.get(f"/{task['id']}").data == task
    assert rename(tags, "none", "none").error["code"] == "TAG_NOT_FOUND"


def test_name_is_normalized_as_in_bodies(alice, tags):
    task = alice.create(tags=[unicodedata.normalize("NFD", " Café ")])
    assert task["tags"] == ["Café"]
    assert rename(tags, unicodedata.normalize("NFD", "\tCafé "), " x ").data == {"name": "x", "tasks": 1}
    assert tags("DELETE", " x").data["tasks"] == 1


@pytest.mark.parametrize("name", [*NAMES, "x" * 50, "🧑‍🌾", "مرحبا بالعالم", "+", "a+b", "?name=x", "#", "null", "*"])
def test_any_name_can_be_renamed_and_removed(alice, tags, name):
    alice.create(tags=[name])
    assert names_of(tags) == [name]
    assert rename(tags, name, f"{name[:48]}2").data == {"name": f"{name[:48]}2", "tasks": 1}
    assert rename(tags, f"{name[:48]}2", name).data == {"name": name, "tasks": 1}
    assert tags("DELETE", name).data == {"success": True, "message": "Tag removed", "tasks": 1}
    assert names_of(tags) == []


def test_case_counts(alice, tags):
    alice.create(tags=["Home"])
    assert rename(tags, "home", "x").error["code"] == "TAG_NOT_FOUND"
    assert rename(tags, "Home", "home").data["tasks"] == 1


def test_removal_leaves_the_tasks(alice, tags):
    tasks = [alice.create(tags=["a", "home"]), alice.create(tags=["home"], completed=True)]
    removed = tags("DELETE", "home")
    assert removed.data == {"success": True, "message": "Tag removed", "tasks": 2}
    assert removed.headers["Change"] == "3"  # The first of both changes.
    left = [alice.get(f"/{task['id']}").data for task in tasks]
    assert [(task["tags"], task["version"]) for task in left] == [(["a"], 3), ([], 4)]
    response = tags("DELETE", "home")
    assert (response.status, response.error["code"]) == (404, "TAG_NOT_FOUND")


@pytest.mark.parametrize("name", INVALID)
def test_name_that_no_tag_can_have_is_named(alice, tags, name):
    task = alice.create(tags=["home"])
    for response in (rename(tags, name, "x"), tags("DELETE", name), rename(tags, "home", name)):
        assert (response.status, list(response.error["details"])) == (422, ["name"])
        assert INVALID[name] in response.error["details"]["name"][0]
    assert alice.get().data == [task]


@pytest.mark.parametrize("value", [None, 1, True, ["x"], {"name": "x"}])
def test_new_name_of_another_type_is_named(alice, tags, value):
    alice.create(tags=["home"])
    response = rename(tags, "home", value)
    assert (response.status, list(response.error["details"])) == (422, ["name"])
    assert names_of(tags) == ["home"]


def test_other_bad_input(alice, tags):
    alice.create(tags=["home"])
    path = alice.tags
    body = {"json": {"name": "x"}}
    cases = [
        ("PATCH", "", body, "name"),
        ("DELETE", "", {}, "name"),
        ("PATCH", "?name=home&name=home", body, "name"),
        ("PATCH", "?name=home&tag=x", body, "tag"),
        ("PATCH", "?name=home", {"json": {}}, "name"),
        ("PATCH", "?name=home", {"json": {"name": "x", "title": "y"}}, "title"),
        ("PATCH", "?name=home&user_id=other", body, "user_id"),
        ("DELETE", "?name=home&limit=1", {}, "limit"),
        ("DELETE", "?name=home", {"json": {"name": "home"}}, "name"),
        *(
            ("GET", f"?{name}", {}, name.partition("=")[0])
            for name in ("name=home", "limit=0", "limit=1001", "cursor=")
        ),
    ]
    for method, query, options, name in cases:
        response = alice.request(method, path + query, **options)
        assert (response.status, list(response.error["details"])) == (422, [name]), (method, query, options)
    assert "Did you mean name?" in alice.request("DELETE", f"{path}?tag=x").error["message"]
    assert alice.request("PATCH", f"{path}?name=home").error["code"] == "MALFORMED_REQUEST"
    for method in ("POST", "PUT"):
        assert alice.request(method, path, json={"name": "x"}).status == 405
    assert names_of(tags) == ["home"]
    assert alice.request("DELETE", f"{path}?name=home&user_id={alice.user_id}").status == 200
