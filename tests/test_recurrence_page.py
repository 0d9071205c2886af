"""The examples of docs/recurrence.md print what the page says, its ten rules have their days, and its tables hold."""

import json
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from taskapp.tasks.recurrence.parts import FREQUENCIES, READERS
from tests.support.documents import printed_pattern, read, rows, run_shell, setup_for, shell_examples
from tests.support.postgres import run_sql

PAGE = read("recurrence")
ZONE = {"title": "a task", "time_zone": "Europe/Berlin"}
_, *RULES = rows(PAGE, "Ten rules")
_, *WRONG = rows(PAGE, "Wrong rules")


def later(text):
    """The same days 400 years later, when the calendar repeats itself: whenever the test runs, they are to come."""
    return re.sub(r"\b20(?=\d\d-\d\d-\d\d\b)", "24", text)


def with_ids(text, ids):
    """The text with the ids of the test in place of 1, 2 and so on, as far as they are known."""
    known = dict(enumerate(ids, start=1))
    return re.sub(r'(/tasks/|"id": )(\d+)\b', lambda match: match[1] + str(known.get(int(match[2]), "…")), text)


def ids_in(output):
    return re.findall(r'{"id":(\d+),', output)


def test_examples_print_what_the_page_says(server, alice):
    (setup, _), *commands = shell_examples(PAGE)
    setup, ids = setup_for(setup, server, alice), []
    for command, printed in commands:
        output = run_shell(setup + later(with_ids(command, ids)))
        ids += [task_id for task_id in ids_in(output) if task_id not in ids]
        if printed:
            shown = later(with_ids(printed, ids))
            assert re.fullmatch(printed_pattern(shown), output.strip()), f"{command}{shown}{output}"
        else:  # A completion and its undo.
            assert [result["type"] for result in json.loads(output.splitlines()[-1])["data"]["results"]] == [
                "updated",
                "deleted",
            ]
    assert len(commands) == 9


@pytest.mark.parametrize(("rule", "days"), [row[1:] for row in RULES[:-1]], ids=[row[0] for row in RULES[:-1]])
def test_rule_has_the_days_of_the_table(alice, database_url, rule, days):
    first, *more = days.split(", ")
    task = alice.create(**ZONE, due_date=first, recurrence={"rule": rule})
    statement = "SELECT recurrence -> 'upcoming', recurrence -> 'all' FROM tasks WHERE user_id = %s AND id = %s"
    ((upcoming, ends),) = run_sql(database_url, statement, [alice.user_id, task["id"]])
    assert task["recurrence"]["rule"] == rule
    assert task["recurrence"]["next"] == upcoming[0]
    if more[-1] == "end":
        more = [*upcoming[: more.index("…")], *more[more.index("…") + 1 : -1]] if "…" in more else more[:-1]
        assert ends
        assert (upcoming[-1], upcoming[: len(more) - 1]) == (more[-1], more[:-1])
    else:
        assert upcoming[: len(more)] == more
    if "COUNT" in rule:
        assert len([first, *upcoming]) == int(rule.rpartition("COUNT=")[2])


def test_last_rule_counts_from_the_completion(alice):
    wanted, text, _ = RULES[-1]
    rule, origin = re.fullmatch(r'(\S+)`, `"from": "(\w+)"', text).groups()
    task = alice.create(**ZONE, due_date="2026-11-30", recurrence={"rule": rule, "from": origin})
    completed = alice.patch(f"/{task['id']}/complete", json={"completed": True}).json
    done = datetime.fromisoformat(completed["data"]["completed_at"]).astimezone(ZoneInfo(ZONE["time_zone"]))
    assert wanted == "three days after I did it"
    assert completed["next"]["due_date"] == str(done.date() + timedelta(days=3))
    assert len(RULES) == 10


@pytest.mark.parametrize(("rule", "sentence"), WRONG)
def test_wrong_rule_gets_the_sentence_of_the_table(alice, rule, sentence):
    response = alice.post(json={**ZONE, "due_date": "2026-11-30", "recurrence": {"rule": rule}})
    assert (response.status, response.error["details"]) == (422, {"recurrence.rule": [sentence]})


def test_grammar_is_that_of_the_service():
    table = rows(PAGE, "The grammar")
    second = table.index(["part", "values"])
    allowed = {row[0]: (row[1], set(re.findall(r"[A-Z]{4,}", " ".join(row[2:])))) for row in table[1 : second - 1]}
    assert allowed == {freq: (f"1 … {maximum}", set(parts)) for freq, (maximum, parts) in FREQUENCIES.items()}
    assert {row[0] for row in table[second + 1 :]} == set(READERS)
