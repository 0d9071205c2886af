"""Completing an occurrence makes exactly the next one, whatever request completes it."""

import pytest

from tests.support.recurring import MONDAY, complete, days, following, path_of, recurs

pytestmark = pytest.mark.usefixtures("whole_log")

WHOLE = {
    "title": "Water the plants",
    "description": "all of them 🪴",
    "priority": "high",
    "tags": ["garden", "home"],
    "due_time": "09:15",
    **recurs(),
}
NEXT_MONDAY, LAST_MONDAY = "2035-01-08", "2035-01-15"
COMPLETIONS = {
    "complete": lambda user, task, **options: user.patch(
        f"{path_of(task)}/complete", json={"completed": True}, **options
    ),
    "toggle": lambda user, task, **options: user.patch(f"{path_of(task)}/complete", **options),
    "put": lambda user, task, **options: user.put(path_of(task), json={"completed": True}, **options),
    "put of the whole": lambda user, task, **options: user.put(
        path_of(task), json={**task, "completed": True}, **options
    ),
    "patch": lambda user, task, **options: user.patch(path_of(task), json={"completed": True, "title": "x"}, **options),
}


@pytest.mark.parametrize("name", COMPLETIONS)
def test_completion_makes_and_names_the_next(alice, name):
    task = alice.create(**WHOLE)
    response = COMPLETIONS[name](alice, task)
    made = following(response)
    assert (response.data["completed"], made["completed"], made["due_date"]) == (True, False, NEXT_MONDAY)
    assert alice.get(path_of(made)).data == made
    assert alice.get("?sort=id").data == [alice.get(path_of(task)).data, made]
    recurrence = {**task["recurrence"], "occurrence": NEXT_MONDAY, "next": LAST_MONDAY}
    assert made["recurrence"] == recurrence
    own = {"id", "uid", "title", "due_date", "due_at", "recurrence", "version", "created_at", "updated_at"}
    assert {key: made[key] for key in made.keys() - own} == {key: task[key] for key in task.keys() - own}
    assert made["title"] == response.data["title"]
    assert made["due_at"] == "2035-01-08T08:15:00.000000Z"
    assert (made["completed_at"], response.data["completed_at"]) == (None, made["created_at"])
    assert (response.headers["Change"], made["version"]) == ("2", 3)
    assert made["created_at"] == made["updated_at"] == response.data["updated_at"]


@pytest.mark.parametrize("name", COMPLETIONS)
@pytest.mark.parametrize("headers", [{}, {"If-Match": '"1"'}, {"If-Match": '"1"', "Prefer": "merge=disjoint"}])
def test_replay_names_the_same_next(alice, name, headers):
    task = alice.create(**WHOLE)
    sent = {"Idempotency-Key": f"key-{name.split()[-1]}", **headers}
    first, again = (COMPLETIONS[name](alice, task, headers=sent) for _ in range(2))
    assert following(first)["due_date"] == NEXT_MONDAY
    assert again.body == first.body
    assert (first.headers["Idempotency-Replayed"], again.headers["Idempotency-Replayed"]) == (None, "true")
    assert len(days(alice)) == 1


@pytest.mark.parametrize("name", COMPLETIONS)
def test_completion_of_what_is_completed_makes_nothing(alice, name):
    task = alice.create(**WHOLE)
    complete(alice, task)
    if name != "toggle":
        done = alice.get(path_of(task)).data
        assert following(COMPLETIONS[name](alice, done)) is None
    assert days(alice) == [NEXT_MONDAY]


def test_completion_of_what_is_completed_makes_nothing_if_the_next_is_gone(alice):
    task = alice.create(**recurs())
    alice.delete(path_of(following(complete(alice, task))))
    assert following(complete(alice, task)) is None
    assert following(alice.put(path_of(task), json={"completed": True, "title": "x"})) is None
    assert days(alice) == []


def test_completion_of_another_version_makes_nothing(alice):
    task = alice.create(**WHOLE)
    alice.put(path_of(task), json={"title": "changed"})
    for complete_it in COMPLETIONS.values():
        assert complete_it(alice, task, headers={"If-Match": '"1"'}).status == 412
    assert alice.put(path_of(task), json={**task, "completed": True}).status == 422
    assert days(alice) == [MONDAY]


def test_ordinary_task_has_no_next(alice):
    for fields in ({}, {"due_date": MONDAY, "time_zone": "UTC"}):
        task = alice.create(**fields)
        assert task["recurrence"] is None
        assert complete(alice, task).json.keys() == {"data"}


def test_completed_title_and_moved_time_go_on(alice):
    """What the request that completes the task sets holds for the next occurrence, but for its day."""
    task = alice.create(**WHOLE)
    changes = {"completed": True, "due_date": "2035-01-03", "due_time": None, "add_tags": ["x"], "title": "new"}
    made = following(alice.patch(path_of(task), json=changes))
    expected = {"due_date": NEXT_MONDAY, "due_time": None, "tags": ["garden", "home", "x"], "title": "new"}
    assert {name: made[name] for name in expected} == expected


def test_rule_set_together_with_completion(alice):
    """The rule of the request counts: what is completed is the first occurrence of its series."""
    task = alice.create()
    made = following(alice.put(path_of(task), json={"completed": True, **recurs()}))
    assert made["due_date"] == NEXT_MONDAY
    changed = alice.put(path_of(made), json={"completed": True, **recurs("FREQ=DAILY", NEXT_MONDAY)})
    assert following(changed)["due_date"] == "2035-01-09"
    assert following(changed)["recurrence"]["series_id"] != made["recurrence"]["series_id"]
    undone = alice.undo(2)
    assert undone.status == 409
    assert [each["task_id"] for each in undone.error["details"]["conflicts"]] == [made["id"]]


def test_new_rule_of_an_early_day_together_with_completion(alice):
    """Its stored days are used up in the moment in which it is set."""
    task = alice.create()
    sent = {"completed": True, **recurs("FREQ=DAILY", "2020-01-01", time_zone="UTC")}
    response = alice.put(path_of(task), json=sent, headers={"Idempotency-Key": "early"})
    assert following(response)["due_date"] == response.data["completed_at"][:10]
    assert alice.put(path_of(task), json=sent, headers={"Idempotency-Key": "early"}).body == response.body


def test_rule_taken_away_together_with_completion(alice):
    task = alice.create(**WHOLE)
    assert following(alice.put(path_of(task), json={"completed": True, "recurrence": None})) is None
    assert days(alice) == []


def test_null_ends_the_series(alice):
    task = alice.create(**WHOLE)
    made = following(complete(alice, task))
    ended = alice.patch(path_of(made), json={"recurrence": None}).data
    assert (ended["recurrence"], ended["due_date"], ended["due_time"]) == (None, NEXT_MONDAY, "09:15")
    assert following(complete(alice, ended)) is None
    assert alice.get(path_of(task)).data["recurrence"] == task["recurrence"]


def test_deleting_the_open_one_ends_the_series(alice):
    task = alice.create(**WHOLE)
    made = following(complete(alice, task))
    alice.delete(path_of(made))
    assert days(alice, "all") == [MONDAY]


@pytest.mark.parametrize("in_bulk", [False, True])
def test_task_created_as_completed_has_no_next(alice, in_bulk):
    task = {"title": "x", "completed": True, **recurs()}
    if in_bulk:
        (result,) = alice.post("/bulk", json={"operations": [{"op": "create", **task}]}).data["results"]
        created = result["task"]
    else:
        response = alice.post(json=task)
        assert response.json.keys() == {"data"}
        created, result = response.data, {}
    assert "next" not in result
    assert days(alice, "all") == [MONDAY]
    complete(alice, created, completed=False)
    assert following(complete(alice, created))["due_date"] == NEXT_MONDAY


@pytest.mark.parametrize(
    ("rule", "last"),
    [
        ("FREQ=WEEKLY;BYDAY=MO;COUNT=3", "2035-01-15"),
        ("FREQ=WEEKLY;BYDAY=MO;UNTIL=20350120", "2035-01-20"),
        ("FREQ=WEEKLY;BYDAY=MO", None),
    ],
)
def test_all_occurrences_say_on_which_day_the_series_ends(alice, rule, last):
    task = alice.create(**recurs(rule))
    made = following(complete(alice, task))
    assert [each["recurrence"]["last"] for each in (task, made)] == [last, last]
    assert [each["recurrence"]["last"] for each in alice.get("?sort=id").data] == [last, last]
