"""Row-level security keeps users apart in bulk writes even if no statement names the user in a condition."""

import pytest

from tests.support.bulk_user import BulkUser


@pytest.mark.usefixtures("without_conditions")
def test_row_level_security_alone_keeps_users_apart(bulk_user):
    alice, bob = bulk_user, BulkUser(bulk_user.url)
    theirs = [bob.create(tags=["a"]) for _ in range(3)]
    mine = [alice.create(tags=["a"]) for _ in range(2)]
    before = bob.traces()[:-1]
    on_theirs = [
        {"op": "update", "id": theirs[0]["id"], "title": "x"},
        {"op": "complete", "id": theirs[1]["id"], "completed": True},
        {"op": "delete", "id": theirs[2]["id"]},
    ]
    for options in ({}, {"dry_run": True}):
        failed = alice.failures(lambda o=options: alice.bulk(*on_theirs, {"op": "create", "title": "x"}, **o))
        assert failed == [(number, "missing", {}, None) for number in range(3)]
    written = alice.bulk(
        {"op": "create", "title": "x", "uid": theirs[0]["uid"]},
        {"op": "update", "id": mine[0]["id"], "title": "y"},
        {"op": "delete", "id": mine[1]["id"]},
    )
    assert written.change == 3
    assert alice.bulk_by({}, {"op": "update", "title": "z"}, 2).change == 6
    assert alice.bulk_by({}, {"op": "delete"}, 2).change == 8
    assert (alice.tasks(), bob.tasks(), bob.traces()[:-1]) == ([], theirs, before)
