import pytest
from taskapp.tasks.bulk import service
from taskapp.tasks.errors import NotApplied, TooManyAffected
from taskapp.db.idempotency import RequestKey
from tests.support.change_log import assert_whole


def test_scratch(app, database_url):
    with app.app_context():
        r = service.apply_operations(
            "bulk-1",
            [
                {
                    "op": "create",
                    "title": "a",
                    "completed": False,
                    "priority": "high",
                    "tags": ["b", "a"][::-1],
                    "description": None,
                    "due_date": "2026-12-01",
                    "due_time": "10:00",
                    "time_zone": "Europe/Berlin",
                },
                {"op": "create", "title": "b", "completed": True, "uid": "0b9e6f0e-6c0e-4b57-9d0a-6a4d1c0e8f11"},
            ],
        )
        print(r)
        ids = [i for i, _ in r.tasks]
        r = service.apply_operations(
            "bulk-1",
            [
                {"op": "create", "title": "c"},
                {
                    "op": "update",
                    "id": ids[0],
                    "version": r.tasks[0][1]["version"],
                    "due_time": None,
                    "add_tags": ["z"],
                    "remove_tags": ["a"],
                    "title": "A",
                    "uid": r.tasks[0][1]["uid"],
                },
                {"op": "delete", "id": ids[1]},
            ],
        )
        print(r)
        with pytest.raises(NotApplied) as e:
            service.apply_operations(
                "bulk-1",
                [
                    {"op": "create", "title": "c", "uid": r.tasks[0][1]["uid"]},
                    {"op": "update", "id": ids[0], "version": 1, "title": "A"},
                    {"op": "delete", "id": ids[1]},
                    {"op": "update", "id": r.tasks[0][0], "due_time": "10:00"},
                    {"op": "complete", "id": 5555, "completed": True},
                ],
            )
        for f in e.value.failures:
            print(f)
        print(
            service.apply_to_matching(
                "bulk-1", {"status": "pending"}, {"op": "complete", "completed": True}, max_affected=5, dry_run=True
            )
        )
        print(
            service.apply_to_matching(
                "bulk-1", {"status": "pending"}, {"op": "complete", "completed": True}, max_affected=5
            )
        )
        print(
            service.apply_to_matching(
                "bulk-1", {"status": "pending"}, {"op": "complete", "completed": True}, max_affected=5
            )
        )
        with pytest.raises(TooManyAffected):
            service.apply_to_matching("bulk-1", {}, {"op": "delete"}, max_affected=1)
        k = RequestKey("k", b"x" * 32)
        print(
            service.apply_to_matching(
                "bulk-1",
                {"tags_any": ["z"]},
                {"op": "update", "remove_tags": ["z"], "due_date": None},
                max_affected=1,
                key=k,
            )
        )
        print(
            service.apply_to_matching(
                "bulk-1",
                {"tags_any": ["z"]},
                {"op": "update", "remove_tags": ["z"], "due_date": None},
                max_affected=1,
                key=k,
            )
        )
        print(service.apply_operations("bulk-1", [{"op": "create", "title": "dry"}], dry_run=True))
    for e in assert_whole(database_url, "bulk-1"):
        print(e)
