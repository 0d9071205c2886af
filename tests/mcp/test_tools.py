"""What the tools do, over the real service."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.support.agent_session import plan_a_week, titles
from tests.support.agents import ERAS
from tests.support.client import make_token


@pytest.mark.parametrize("mode", ERAS)
def test_a_session(make_agent, mode):
    plan_a_week(make_agent(mode=mode))


def test_find_tasks_filters_and_pages(agent):
    agent.call(
        "add_tasks",
        tasks=[
            {"title": "one", "tags": ["a", "b"], "priority": "low", "due_date": "2030-01-01"},
            {"title": "two", "description": "like One", "tags": ["a"]},
            {"title": "three", "due_date": "2030-01-02"},
        ],
    )
    assert titles(agent.call("find_tasks", text="one", sort="id")["tasks"]) == ["one", "two"]
    assert titles(agent.call("find_tasks", tags=["a", "b"])["tasks"]) == ["one"]
    assert titles(agent.call("find_tasks", priority=["low", "urgent"])["tasks"]) == ["one"]
    assert titles(agent.call("find_tasks", due_from="2030-01-01", due_before="2030-01-02")["tasks"]) == ["one"]
    first = agent.call("find_tasks", limit="2", sort="title", overdue=False, status=None, tags=[])
    assert (titles(first["tasks"]), first["total"]) == (["one", "three"], 3)
    second = agent.call("find_tasks", limit=2, sort="title", cursor=first["next_cursor"])
    assert (titles(second["tasks"]), second.keys()) == (["two"], {"tasks", "total"})


def test_results_leave_out_what_is_empty(agent):
    (task,) = agent.call("add_tasks", tasks=[{"title": "t"}])["tasks"]
    assert task.keys() == {"id", "title", "completed", "version"}
    assert agent.call("find_tasks")["tasks"] == [task]


def test_overdue_is_by_the_time_zone_of_the_user(agent):
    zones = ["Pacific/Kiritimati", "Etc/GMT+12"]  # 26 hours apart: yesterday ends in one long before the other.
    ahead, behind = (datetime.now(ZoneInfo(zone)).date() for zone in zones)
    assert ahead > behind
    agent.call("add_tasks", tasks=[{"title": "t", "due_date": str(behind)}])
    assert [agent.call("find_tasks", overdue=True, time_zone=zone)["total"] for zone in zones] == [1, 0]
    overviews = [agent.call("get_overview", time_zone=zone) for zone in zones]
    assert [titles(it["overdue"]) for it in overviews] == [["t"], []]
    assert [titles(it["due_today"]) for it in overviews] == [[], ["t"]]


def test_without_a_time_zone_it_is_asked_for(make_agent):
    agent = make_agent(time_zone=None)
    assert agent.fail("find_tasks", overdue=True).startswith("time_zone: Is required")
    assert agent.fail("get_overview").startswith("time_zone: Is required")
    assert "time_zone" in agent.fail("get_overview", time_zone="Berlin")
    assert agent.call("find_tasks")["total"] == 0


def test_the_instructions_name_the_time_zone_of_the_user(make_agent):
    assert make_agent().client.instructions.endswith(" their time zone is Europe/Berlin.")
    assert "time zone" not in make_agent(time_zone=None).client.instructions


def test_fields_that_are_not_sent_keep_their_value(agent):
    fields = {"title": "t", "description": "d", "priority": "low", "tags": ["a"], "due_date": "2030-01-01"}
    (task,) = agent.call("add_tasks", tasks=[fields])["tasks"]
    nothing = dict.fromkeys(["title", "description", "due_date", "tags", "clear", "version"])
    (changed,) = agent.call("update_tasks", tasks=[{"id": task["id"], **nothing, "priority": "high"}])["tasks"]
    assert {**changed, "priority": "low", "version": 0} == {**task, "version": 0}
    cleared = ["description", "priority", "tags", "due_date"]
    (changed,) = agent.call("update_tasks", tasks=[{"id": task["id"], "clear": cleared}])["tasks"]
    assert changed.keys() == {"id", "title", "completed", "version"}


def test_tags_are_added_and_removed(agent):
    (task,) = agent.call("add_tasks", tasks=[{"title": "t", "tags": ["a", "b"]}])["tasks"]
    changes = {"id": task["id"], "add_tags": ["c"], "remove_tags": ["a"]}
    assert agent.call("update_tasks", tasks=[changes])["tasks"][0]["tags"] == ["b", "c"]


def test_the_same_call_adds_nothing_twice(agent):
    first = agent.call("add_tasks", tasks=[{"title": "t"}])
    again = agent.call("add_tasks", tasks=[{"title": "t"}])
    assert "note" not in first
    assert "request_id" in again.pop("note")
    assert again == first
    assert agent.call("find_tasks")["total"] == 1
    assert "note" not in agent.call("add_tasks", tasks=[{"title": "t"}], request_id="2")
    assert agent.call("find_tasks")["total"] == 2


def test_the_same_call_may_have_its_fields_in_another_order(agent):
    task = {"title": "t", "due_date": "2030-01-01", "recurrence": {"rule": "FREQ=DAILY", "from": "completion"}}
    reordered = {**dict(reversed(task.items())), "recurrence": {"from": "completion", "rule": "FREQ=DAILY"}}
    first = agent.call("add_tasks", tasks=[task], request_id="1")
    again = agent.call("add_tasks", request_id="1", tasks=[reordered])
    assert again["change"] == first["change"]


def test_the_same_call_after_an_undo_says_that_nothing_was_added(agent):
    first = agent.call("add_tasks", tasks=[{"title": "t"}])
    agent.call("undo_change", change=first["change"])
    again = agent.call("add_tasks", tasks=[{"title": "t"}])
    assert next(iter(again)) == "note"
    assert "Nothing was added now" in again["note"]
    assert "undone since" in again["note"]
    assert agent.call("find_tasks")["total"] == 0
    agent.call("add_tasks", tasks=[{"title": "t"}], request_id="again")
    assert agent.call("find_tasks")["total"] == 1


def test_the_same_call_at_once_adds_nothing_twice(agent):
    results = agent.call_at_once([("add_tasks", {"tasks": [{"title": "t"}]})] * 5)
    assert len({result["change"] for result in results}) == 1
    assert agent.call("find_tasks")["total"] == 1


def test_writes_are_idempotent(agent):
    (task,) = agent.call("add_tasks", tasks=[{"title": "t"}])["tasks"]
    for _ in range(2):
        assert agent.call("complete_tasks", ids=[task["id"]])["tasks"][0]["completed"]
        assert agent.call("update_tasks", tasks=[{"id": task["id"], "add_tags": ["a"]}])["tasks"][0]["tags"] == ["a"]
    assert not agent.call("complete_tasks", ids=[task["id"]], completed=False)["tasks"][0]["completed"]


def test_all_or_nothing(agent):
    tasks = agent.call("add_tasks", tasks=[{"title": "1"}, {"title": "2"}])["tasks"]
    ids = [task["id"] for task in tasks]
    assert "tasks.1.title" in agent.fail("add_tasks", tasks=[{"title": "3"}, {"title": " "}])
    assert f"ids.2: There is no task with the id {ids[1] + 10**6}." in agent.fail(
        "delete_tasks", ids=[*ids, ids[1] + 10**6]
    )
    assert agent.call("find_tasks", sort="id")["tasks"] == tasks
    deleted = agent.call("delete_tasks", ids=ids)
    assert deleted["tasks"] == [{"id": each, "deleted": True} for each in ids]
    assert agent.call("undo_change", change=deleted["change"])["tasks"][0]["title"] == "1"


def test_200_calls_at_once(agent):
    calls = [("add_tasks", {"tasks": [{"title": f"task {number}"}]}) for number in range(200)]
    results = agent.call_at_once(calls)
    assert [result["tasks"][0]["title"] for result in results] == [f"task {number}" for number in range(200)]
    assert agent.call("find_tasks", limit=1)["total"] == 200


def test_a_user_may_have_any_name(make_agent):
    name = "Zoë/日本".replace("/", " ")
    assert make_agent(name).call("add_tasks", tasks=[{"title": "t"}])["tasks"][0]["title"] == "t"


def test_read_only_offers_no_write_and_makes_none(make_agent, secret):
    writer = make_agent("reader-of-tools")
    reader = make_agent("reader-of-tools", read_only=True, token=make_token(secret, user_id="reader-of-tools"))
    before = writer.call("add_tasks", tasks=[{"title": "kept"}])
    assert [tool.name for tool in reader.tools()] == ["find_tasks", "get_overview"]
    task = before["tasks"][0]["id"]
    for tool, arguments in [
        ("add_tasks", {"tasks": [{"title": "t"}]}),
        ("update_tasks", {"tasks": [{"id": task, "title": "t"}]}),
        ("complete_tasks", {"ids": [task]}),
        ("delete_tasks", {"ids": [task]}),
        ("undo_change", {"change": before["change"]}),
    ]:
        assert f"There is no tool '{tool}' here" in reader.fail(tool, **arguments)
    assert reader.call("find_tasks")["tasks"] == before["tasks"]
