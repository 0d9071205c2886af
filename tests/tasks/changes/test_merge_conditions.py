"""Which requests with ``Prefer: merge=disjoint`` can be merged: their condition, and what is known of the task."""

import pytest

from tests.support.client import raw
from tests.support.log_gaps import delete_and_restore, mark, purge, write_unlogged
from tests.support.merging import FULL, assert_conflict, assert_merged, merge


@pytest.fixture
def base(alice):
    """A task in its first version. Numbers and versions of the task differ."""
    alice.create()
    return alice.create(**FULL)


def test_current_version_is_updated_as_ever(alice, base):
    assert_merged(merge(alice, base, {"title": "mine"}), title="mine", description=None)
    newest = alice.get(f"/{base['id']}").data
    assert_merged(merge(alice, newest, {**newest, "title": "again"}), title="again")


@pytest.mark.parametrize("prefer", ["return=minimal", "merge=all", 'x="merge=disjoint"', "merge", ""])
def test_other_preferences_are_ignored(alice, base, prefer):
    alice.put(f"/{base['id']}", json={"description": "theirs"})
    assert_conflict(merge(alice, base, {"title": "mine"}, prefer=prefer), ["description"])
    newest = alice.get(f"/{base['id']}").data
    updated = merge(alice, newest, {"title": "mine"}, prefer=prefer)
    assert (updated.status, updated.headers["Preference-Applied"]) == (200, None)


UPDATES = [("PUT", "", {"title": "x"}), ("PATCH", "", {"title": "x"}), ("PATCH", "/complete", ...)]


@pytest.mark.parametrize(("method", "suffix", "body"), UPDATES)
@pytest.mark.parametrize("condition", [None, "*", " * ", '"{0}", "{1}"', '"{0}", W/"x"', '"{0}","{0}"'])
def test_preference_needs_one_tag(alice, base, method, suffix, body, condition):
    alice.put(f"/{base['id']}", json={"title": "second"})
    before = alice.get(f"/{base['id']}").data
    headers = {"Prefer": "merge=disjoint"}
    if condition is not None:
        headers["If-Match"] = condition.format(base["version"], before["version"])
    options = {} if body is ... else {"json": body}
    response = alice.request(method, f"{alice.tasks}/{base['id']}{suffix}", headers=headers, **options)
    assert response.status == 422
    assert response.error["details"] == {"If-Match": ["Must be one entity tag with Prefer: merge=disjoint."]}
    assert alice.get(f"/{base['id']}").data == before


@pytest.mark.parametrize("tag", ['W/"{0}"', '"{0}-gzip"', '"x"', '"0"', '"9999999999999999"'])
def test_tag_that_is_no_version_of_the_task_is_a_conflict(alice, base, tag):
    headers = {"If-Match": tag.format(base["version"])}
    assert_conflict(merge(alice, base, {"title": "mine"}, **headers), None)
    assert_conflict(merge(alice, base, method="PATCH", suffix="/complete", **headers), None)


def test_deletion_is_never_merged(alice, base):
    alice.put(f"/{base['id']}", json={"title": "theirs"})
    assert_conflict(merge(alice, base, method="DELETE"), ["title"])
    headers = {"Prefer": "merge=disjoint"}
    deleted = alice.delete(f"/{base['id']}", headers=headers)
    assert (deleted.status, deleted.headers["Preference-Applied"]) == (200, None)
    created = alice.post(json={"title": "x"}, headers=headers)
    assert (created.status, created.headers["Preference-Applied"]) == (201, None)


def test_preferences_in_several_headers_are_one_list(alice, server, base):
    alice.put(f"/{base['id']}", json={"description": "theirs"})
    request = (
        f"PATCH {alice.tasks}/{base['id']}/complete HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n"
        f'If-Match: "{base["version"]}"\r\nPrefer: return=minimal\r\nPrefer: merge=disjoint\r\n\r\n'
    )
    response = raw(server.port, request.encode())
    assert_merged(response, description="theirs", completed=True)


def test_task_of_another_user_or_none_is_not_found(alice, bob, base):
    headers = {"If-Match": f'"{base["version"]}"', "Prefer": "merge=disjoint"}
    for client, task_id in ((bob, base["id"]), (alice, 2**62)):
        for method, suffix, body in UPDATES:
            options = {} if body is ... else {"json": body}
            response = client.request(method, f"{client.tasks}/{task_id}{suffix}", headers=headers, **options)
            assert (response.status, response.error["code"]) == (404, "TASK_NOT_FOUND")
    alice.delete(f"/{base['id']}")
    assert alice.put(f"/{base['id']}", json={"title": "x"}, headers=headers).status == 404


def test_replay_of_a_merged_update_is_the_response_to_it(alice, base):
    alice.put(f"/{base['id']}", json={"description": "theirs"})
    first = merge(alice, base, {"title": "mine"}, **{"Idempotency-Key": "k"})
    alice.put(f"/{base['id']}", json={"title": "later"})
    replay = merge(alice, base, {"title": "mine"}, **{"Idempotency-Key": "k"})
    assert replay.headers["Idempotency-Replayed"] == "true"
    assert replay.body == first.body
    for name in ("ETag", "Change", "Preference-Applied"):
        assert replay.headers[name] == first.headers[name]


def test_rule_of_the_whole_task_holds_for_the_merged_one(alice):
    """Nothing that the database rejects comes of two updates, each of which it would accept."""
    full = alice.create(tags=[str(number) for number in range(19)])
    alice.put(f"/{full['id']}", json={"title": "theirs"})
    assert merge(alice, full, {"add_tags": ["x", "y"]}).error["details"].keys() == {"add_tags"}
    assert_merged(merge(alice, full, {"add_tags": ["x"]}), title="theirs")
    assert merge(alice, full, {"time_zone": "Asia/Tokyo"}).error["details"].keys() == {"time_zone"}


@pytest.mark.parametrize(
    "interfere",
    [
        write_unlogged,
        delete_and_restore,
        lambda client, url, _path: mark(client, url),
        lambda client, url, path: purge(client, url, client.get(path).data["version"]),
    ],
)
def test_gap_in_the_log_is_a_conflict(alice, database_url, base, interfere):
    path = f"/{base['id']}"
    alice.put(path, json={"description": "theirs"})
    interfere(alice, database_url, path)
    assert_conflict(merge(alice, base, {"title": "mine"}), None)
    alice.put(path, json={"description": "theirs again"})
    assert_conflict(merge(alice, base, {"title": "mine"}), None)
    assert_conflict(merge(alice, base, method="PATCH", suffix="/complete"), None)
    newest = alice.get(path).data
    alice.put(path, json={"priority": "high"})
    assert_merged(merge(alice, newest, {"title": "mine"}), title="mine", priority="high")


def test_changes_of_other_tasks_do_not_matter(alice, bob, base):
    other = alice.create()
    for number in range(5):
        alice.put(f"/{other['id']}", json={"title": str(number)})
        bob.create()
    assert_merged(merge(alice, base, {"title": "mine"}), title="mine")
    assert_merged(merge(alice, base, {"description": "mine"}), title="mine", description="mine")
