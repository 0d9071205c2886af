"""Merges at the same time, and after many changes."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.postgres import run_sql

MERGE = {"Prefer": "merge=disjoint"}


def condition(task):
    return {"If-Match": f'"{task["version"]}"'}


@pytest.mark.parametrize("prefer", [MERGE, {}])
def test_of_merges_at_once_one_of_each_field_wins(alice, new_client, prefer):
    """Twenty from one version, half on the title, half on the description. Without the preference, one wins."""
    racers = [new_client(alice.user_id) for _ in range(20)]
    with ThreadPoolExecutor(len(racers)) as threads:
        for _ in range(5):
            task = alice.create()

            def race(number, task=task):
                edit = {"title" if number % 2 else "description": f"by {number}"}
                return racers[number].put(f"/{task['id']}", json=edit, headers={**condition(task), **prefer})

            responses = list(threads.map(race, range(20)))
            assert {response.status for response in responses} == {200, 412}
            winners = [number for number, response in enumerate(responses) if response.status == 200]
            assert sorted(number % 2 for number in winners) == ([0, 1] if prefer else [winners[0] % 2])
            expected = {"title" if number % 2 else "description": f"by {number}" for number in winners}
            stored = alice.get(f"/{task['id']}").data
            assert expected.items() <= stored.items()
            numbers = sorted(int(responses[number].headers["Change"]) for number in winners)
            assert numbers == list(range(task["version"] + 1, stored["version"] + 1))


@pytest.mark.parametrize("behind", [0, 5, 2_900])
def test_merge_and_conflict_behind_changes_of_other_tasks(alice, database_url, behind):
    task = alice.create()
    run_sql(
        database_url,
        "INSERT INTO changes (user_id, number, task_id, previous, previous_at, at, before, after)"
        ' SELECT %s, %s + number, 1, 1, now(), now(), \'{"title": "x"}\', \'{"title": "y"}\''
        " FROM generate_series(1, %s) AS number",
        [alice.user_id, task["version"], behind],
    )
    alice.put(f"/{task['id']}", json={"description": "theirs"})
    conflict = alice.put(f"/{task['id']}", json={"title": "mine"}, headers=condition(task))
    assert conflict.error["details"]["changed"] == ["description"]
    merged = alice.put(f"/{task['id']}", json={"title": "mine"}, headers={**condition(task), **MERGE})
    assert (merged.status, merged.data["version"]) == (200, task["version"] + behind + 2)
    assert (merged.data["title"], merged.data["description"]) == ("mine", "theirs")
