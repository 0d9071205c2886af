"""Editing the rule, the day and the zone of a task that recurs, and what is rejected."""

import pytest

from tests.support.recurring import MONDAY, WEEKLY, complete, days, following, path_of, recurs

pytestmark = pytest.mark.usefixtures("whole_log")

TUESDAY = "2035-01-02"
MERGE = {"If-Match": '"1"', "Prefer": "merge=disjoint"}
FOREIGN = "00000000-0000-4000-8000-000000000000"


def details(response):
    assert response.status == 422, response.body
    return response.error["details"]


def test_new_rule_begins_a_new_series(alice, task):
    edited = alice.patch(path_of(task), json=recurs("FREQ=DAILY")).data
    assert edited["recurrence"]["next"] == TUESDAY
    assert edited["recurrence"]["series_id"] != task["recurrence"]["series_id"]
    assert following(complete(alice, task))["due_date"] == TUESDAY


@pytest.mark.parametrize("method", ["put", "patch"])
def test_whole_task_sent_back_changes_nothing(alice, task, method):
    send = getattr(alice, method)
    assert send(path_of(task), json=task).data["recurrence"] == task["recurrence"]
    moved = send(path_of(task), json={**alice.get(path_of(task)).data, "due_date": "2035-01-04"}).data
    assert moved["recurrence"] == task["recurrence"]
    again = send(path_of(task), json={**moved, "title": "still on Thursday"}).data
    assert again["recurrence"] == task["recurrence"]
    assert following(send(path_of(task), json={**again, "completed": True}))["due_date"] == "2035-01-08"


@pytest.mark.parametrize("name", ["next", "last"])
@pytest.mark.parametrize("value", ["2035-01-09", "1999-12-31", None])
def test_days_that_the_service_computes_are_ignored(alice, task, name, value):
    sent = {**task, "recurrence": {**task["recurrence"], name: value}}
    assert alice.put(path_of(task), json=sent).data["recurrence"] == task["recurrence"]
    assert following(complete(alice, task))["due_date"] == task["recurrence"]["next"]


def test_rule_sent_again_on_the_next_day_skips_an_occurrence(alice, task):
    skipped = alice.patch(path_of(task), json=recurs(due_date=task["recurrence"]["next"])).data
    assert skipped["due_date"] == skipped["recurrence"]["occurrence"] == "2035-01-08"
    assert following(complete(alice, task))["due_date"] == "2035-01-15"


def test_day_moved_to_the_next_one_skips_nothing(alice, task):
    alice.patch(path_of(task), json={"due_date": "2035-01-08"})
    assert following(complete(alice, task))["due_date"] == "2035-01-08"


def test_rule_changed_in_a_whole_task(alice, task):
    sent = {**task, "recurrence": {**task["recurrence"], "rule": "FREQ=DAILY"}}
    edited = alice.put(path_of(task), json=sent).data["recurrence"]
    assert (edited["rule"], edited["next"]) == ("FREQ=DAILY", TUESDAY)
    moved = alice.get(path_of(task)).data
    sent = {**moved, "recurrence": {**moved["recurrence"], "rule": "FREQ=WEEKLY;BYDAY=TU"}}
    for body in (sent, {**sent, "completed": True}):
        explained = details(alice.put(path_of(task), json=body))["recurrence.rule"]
        assert "2035-01-01 is a Monday; the rule has BYDAY=TU." in str(explained)
    assert alice.get(path_of(task)).data == moved


def test_from_changed_in_a_whole_task(alice, task):
    sent = {**task, "recurrence": {**task["recurrence"], "rule": "FREQ=DAILY", "from": "completion"}}
    assert alice.put(path_of(task), json=sent).data["recurrence"]["next"] is None


def test_another_series_in_a_request_is_a_new_one(alice, task):
    """Its day must be a day of its rule: only what a task already has may stay elsewhere."""
    for series in (FOREIGN, alice.create(**recurs())["recurrence"]["series_id"]):
        fields = recurs(series_id=series, occurrence="2035-01-08")
        edited = alice.patch(path_of(task), json=fields).data["recurrence"]
        assert edited["series_id"] not in (series, task["recurrence"]["series_id"])
        assert edited["occurrence"] == MONDAY
        fields = recurs(due_date=TUESDAY, series_id=series)
        for body in (fields, {**fields, "completed": True}):
            explained = str(details(alice.patch(path_of(task), json=body))["recurrence.rule"])
            assert "2035-01-02 is a Tuesday; the rule has BYDAY=MO." in explained


def test_new_task_begins_a_series_of_its_own(alice, task):
    response = alice.post(json={"title": "x", **recurs(), "recurrence": task["recurrence"]})
    assert sorted(details(response)) == [f"recurrence.{name}" for name in ("last", "next", "occurrence", "series_id")]
    copy = alice.create(**recurs())
    assert copy["recurrence"]["series_id"] != task["recurrence"]["series_id"]
    assert days(alice) == [MONDAY, MONDAY]


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"recurrence": {"rule": WEEKLY}}, ["recurrence"]),
        ({"recurrence": {"rule": WEEKLY}, "due_date": MONDAY}, ["recurrence"]),
        ({"recurrence": {"rule": WEEKLY}, "time_zone": "UTC"}, ["recurrence"]),
        ({**recurs(), "due_date": None}, ["time_zone", "recurrence"]),
        ({"due_date": None}, ["due_date"]),
        ({"time_zone": None}, ["time_zone"]),
        ({"time_zone": None, "due_date": MONDAY}, ["time_zone"]),
        ({"due_date": None, "completed": True}, ["due_date"]),
        ({"time_zone": None, "completed": True}, ["time_zone"]),
        (recurs(due_date=TUESDAY), ["recurrence.rule"]),
        (recurs("FREQ=SECONDLY"), ["recurrence.rule"]),
        (recurs(next="2035-13-01"), ["recurrence.next"]),
        ({"recurrence": {}}, ["recurrence.rule"]),
        ({"recurrence": "FREQ=DAILY"}, ["recurrence"]),
        ({"recurrence": []}, ["recurrence"]),
    ],
)
def test_what_is_rejected_names_the_field_and_loses_nothing(alice, task, changes, names):
    assert [*details(alice.patch(path_of(task), json=changes))] == names
    assert alice.get(path_of(task)).data == task


def test_day_and_rule_end_together(alice, task):
    ended = alice.patch(path_of(task), json={"due_date": None, "recurrence": None}).data
    assert (ended["due_date"], ended["time_zone"], ended["recurrence"]) == (None, None, None)


def test_rule_on_a_completed_task_makes_nothing_until_it_is_completed_again(alice):
    task = alice.create(completed=True)
    assert following(alice.patch(path_of(task), json=recurs())) is None
    assert days(alice) == []
    complete(alice, task, completed=False)
    assert following(complete(alice, task))["due_date"] == "2035-01-08"


class TestMerge:
    """Updates of an earlier version, with the preference to merge."""

    def test_completion_and_another_edit(self, alice, task):
        alice.put(path_of(task), json={"title": "edited"})
        made = following(complete(alice, task, headers=MERGE))
        assert (made["title"], made["due_date"]) == ("edited", "2035-01-08")

    def test_completion_of_a_task_with_a_new_rule_goes_by_that(self, alice, task):
        alice.patch(path_of(task), json=recurs("FREQ=DAILY"))
        assert following(complete(alice, task, headers=MERGE))["due_date"] == TUESDAY
        assert alice.put(path_of(task), json={**task, "title": "x"}, headers=MERGE).status == 200
        merged = alice.get(path_of(task)).data
        assert (merged["title"], merged["completed"], merged["recurrence"]["rule"]) == ("x", True, "FREQ=DAILY")

    def test_whole_task_completed_after_the_rule_was_changed(self, alice, task):
        alice.patch(path_of(task), json=recurs("FREQ=DAILY"))
        response = alice.put(path_of(task), json={**task, "completed": True}, headers=MERGE)
        assert following(response)["due_date"] == TUESDAY

    def test_whole_task_completed_after_the_series_was_ended(self, alice, task):
        alice.patch(path_of(task), json={"recurrence": None})
        response = alice.put(path_of(task), json={**task, "completed": True}, headers=MERGE)
        assert following(response) is None
        assert response.data["recurrence"] is None

    @pytest.mark.parametrize("change", [recurs("FREQ=DAILY", "2020-01-01"), {"time_zone": "Asia/Tokyo"}])
    def test_whole_task_completed_late_after_another_edit(self, alice, change):
        """Its stored days are used up, and those of the series that it has are read."""
        task = alice.create(**recurs("FREQ=DAILY;INTERVAL=2", "2020-01-01"))
        edited = alice.patch(path_of(task), json=change).data
        made = following(alice.put(path_of(task), json={**task, "completed": True}, headers=MERGE))
        assert (made["recurrence"]["rule"], made["time_zone"]) == (edited["recurrence"]["rule"], edited["time_zone"])

    @pytest.mark.parametrize("change", [{"due_date": "2035-01-08"}, {"due_date": None}, {"time_zone": None}])
    def test_rule_that_begins_on_a_day_that_was_changed_is_a_conflict(self, alice, change):
        task = alice.create(due_date=MONDAY, time_zone="Europe/Berlin")
        current = alice.patch(path_of(task), json=change).data
        for origin in ("due_date", "completion"):
            fields = recurs("FREQ=DAILY", **{"from": origin})
            assert alice.patch(path_of(task), json=fields, headers=MERGE).status == 412
        assert alice.get(path_of(task)).data == current

    def test_rule_and_another_time(self, alice):
        task = alice.create(due_date=MONDAY, due_time="10:00", time_zone="Europe/Berlin")
        alice.patch(path_of(task), json={"due_time": "12:00"})
        merged = alice.patch(path_of(task), json=recurs(), headers=MERGE)
        assert (merged.data["due_time"], merged.data["recurrence"]["occurrence"]) == ("12:00", MONDAY)

    def test_second_completion_makes_nothing(self, alice, task):
        complete(alice, task)
        for body in ({"json": {"completed": True}}, {}):
            assert alice.patch(f"{path_of(task)}/complete", headers=MERGE, **body).status == 412
        assert days(alice) == ["2035-01-08"]

    def test_two_rules_are_a_conflict(self, alice, task):
        alice.patch(path_of(task), json=recurs("FREQ=DAILY"))
        conflict = alice.patch(path_of(task), json=recurs("FREQ=WEEKLY"), headers=MERGE)
        assert (conflict.status, conflict.error["details"]["changed"]) == (412, ["recurrence"])
        ended = alice.patch(path_of(task), json={"recurrence": None}, headers=MERGE)
        assert ended.status == 412
