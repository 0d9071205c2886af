"""The log of changes as the database has it, and the checks that it is whole and agrees with the tasks."""

from tests.support.postgres import run_sql

_OWN = {"id", "version", "updated_at"}


def read_log(url, user_id):
    """The entries of a user in order, each as a dict; times are text."""
    return [
        row
        for (row,) in run_sql(url, "SELECT to_jsonb(c) FROM changes c WHERE user_id = %s ORDER BY number", [user_id])
    ]


def stored_tasks(url, user_id):
    """The columns of each task of a user by id, without created_at, which a restored task keeps."""
    statement = "SELECT id, to_jsonb(t) - '{user_id,created_at}'::text[] FROM tasks t WHERE user_id = %s"
    return dict(run_sql(url, statement, [user_id]))


def apply_change(tasks, entry):
    """Make a change to tasks by id, and check that it describes them as they were."""
    task_id, before, after = entry["task_id"], entry["before"], entry["after"]
    old = tasks.pop(task_id, None)
    if before is None:
        assert old is None
    else:
        assert (old["version"], old["updated_at"]) == (entry["previous"], entry["previous_at"]), entry
        assert {name: old[name] for name in before if name != "created_at"} == {
            name: value for name, value in before.items() if name != "created_at"
        }, entry
    if after is None:
        assert before.keys() - {"created_at"} == old.keys() - _OWN
    else:
        assert before is None or before.keys() == after.keys()
        tasks[task_id] = {**(old or {}), **after, "id": task_id, "version": entry["number"], "updated_at": entry["at"]}


def assert_whole(url, user_id, *, in_turns=True):
    """Numbers have no gap, times do not go back, each entry fits the one before, and all of them make the tasks.

    Without turns, the time of an entry may be that of its first attempt, and so before the previous one.

    Returns:
        The entries.
    """
    log, tasks = read_log(url, user_id), {}
    assert [entry["number"] for entry in log] == list(range(1, len(log) + 1))
    assert not in_turns or sorted(log, key=lambda entry: entry["at"]) == log
    for entry in log:
        assert entry["operation"] is None or log[entry["operation"] - 1]["operation"] == entry["operation"]
        apply_change(tasks, entry)
    assert tasks == stored_tasks(url, user_id)
    return log


def writes_in(log):
    """The number of the changes of each write of several tasks, by its number. They follow each other."""
    writes = {}
    for entry in log:
        if entry["operation"]:
            writes.setdefault(entry["operation"], []).append(entry["number"])
    for number, changes in writes.items():
        assert changes == list(range(number, number + len(changes)))
    return {number: len(changes) for number, changes in writes.items()}
