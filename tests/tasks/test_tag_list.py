"""The list of tags with their counts, and a model of it and of the writes in Python."""

import json
from collections import Counter
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.postgres import run_sql
from tests.tasks.test_tags import NAMES


def listed(user):
    return user.request("GET", user.tags).data


def test_user_without_tags_has_an_empty_list(alice):
    alice.create()
    assert alice.request("GET", alice.tags).json == {"data": [], "pagination": {"limit": 1000, "next_cursor": None}}


def test_counts_follow_the_tasks(alice):
    both = alice.create(tags=["home", "errand"])
    done = alice.create(tags=["home"], completed=True)
    assert listed(alice) == [
        {"name": "errand", "pending": 1, "total": 1},
        {"name": "home", "pending": 1, "total": 2},
    ]
    alice.patch(f"/{both['id']}", json={"remove_tags": ["errand"], "completed": True})
    alice.delete(f"/{done['id']}")
    assert listed(alice) == [{"name": "home", "pending": 0, "total": 1}]


def test_pages_follow_each_other_by_code_point(alice):
    alice.create(tags=NAMES)
    expected, found, path = sorted(NAMES), [], f"{alice.tags}?limit=2"
    while path:
        page = alice.request("GET", path)
        assert len(page.data) <= 2
        found += [tag["name"] for tag in page.data]
        cursor = page.json["pagination"]["next_cursor"]
        link = page.headers["Link"]
        assert (link is None) == (cursor is None)
        path = link and link.partition("<")[2].partition(">")[0]
        assert path is None or f"cursor={cursor}" in path
    assert found == expected == [tag["name"] for tag in listed(alice)]


def test_page_starts_after_a_tag_that_is_gone(alice):
    alice.create(tags=["a", "b", "c"])
    cursor = alice.request("GET", f"{alice.tags}?limit=2").json["pagination"]["next_cursor"]
    alice.request("DELETE", f"{alice.tags}?name=b")
    page = alice.request("GET", f"{alice.tags}?cursor={cursor}")
    assert [tag["name"] for tag in page.data] == ["c"]


def test_cursor_of_another_list_is_rejected(alice, bob):
    for user in (alice, bob):
        user.create(tags=["a", "b"])
        user.create()
    path = f"{alice.tags}?cursor="
    cursors = [
        alice.get("?limit=1").json["pagination"]["next_cursor"],
        bob.request("GET", f"{bob.tags}?limit=1").json["pagination"]["next_cursor"],
        "x",
    ]
    for cursor in cursors:
        assert alice.request("GET", path + cursor).error["details"] == {
            "cursor": ["Must be the next_cursor of the same list, with the same filters and sort."]
        }
    own = alice.request("GET", f"{alice.tags}?limit=1").json["pagination"]["next_cursor"]
    assert list(alice.get(f"?cursor={own}").error["details"]) == ["cursor"]


def fill(database_url, user_id, tasks):
    """Store tasks of one user, each a set of tags and whether it is completed."""
    run_sql(
        database_url,
        "INSERT INTO tasks (user_id, title, tags, completed)"
        " SELECT %s, 't', ARRAY(SELECT jsonb_array_elements_text(task -> 0)), (task -> 1)::boolean"
        " FROM jsonb_array_elements(%s) WITH ORDINALITY AS each (task, position) ORDER BY position",
        [user_id, json.dumps([[sorted(tags), completed] for tags, completed in tasks])],
    )


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tasks=st.lists(st.tuples(st.sets(st.sampled_from(NAMES)), st.booleans()), max_size=12),
    limit=st.integers(1, 5),
    change=st.tuples(st.sampled_from(NAMES), st.sampled_from([None, *NAMES])),
)
def test_list_rename_and_removal_do_what_a_model_does(new_client, database_url, tasks, limit, change):
    client = new_client()
    fill(database_url, client.user_id, tasks)

    def walk():
        found, cursor = [], ""
        while cursor is not None:
            page = client.request("GET", f"{client.tags}?limit={limit}{cursor and f'&cursor={cursor}'}")
            found += page.data
            cursor = page.json["pagination"]["next_cursor"]
        return found

    def expected():
        total = Counter(tag for tags, _ in tasks for tag in tags)
        pending = Counter(tag for tags, completed in tasks if not completed for tag in tags)
        return [{"name": tag, "pending": pending[tag], "total": total[tag]} for tag in sorted(total)]

    assert walk() == expected()
    old, new = change
    path, number = f"{client.tags}?name={quote(old, safe='')}", sum(old in tags for tags, _ in tasks)
    response = client.request("DELETE", path) if new is None else client.request("PATCH", path, json={"name": new})
    assert response.status == (200 if number else 404)
    if number:
        assert response.data["tasks"] == (number if new != old else 0)
        tasks = [({new if tag == old else tag for tag in tags} - {None}, completed) for tags, completed in tasks]
    assert walk() == expected()
    assert [task["tags"] for task in reversed(client.get().data)] == [sorted(tags) for tags, _ in tasks]
    client.close()
