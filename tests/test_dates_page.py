"""Everything that docs/dates.md says is true: its code prints what it says in every place, and its tables hold."""

import json
import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from taskapp.tasks.schemas import TaskIn
from tests.support.documents import PLACES, code, expected_output, read, rows, run_javascript, run_python
from tests.support.postgres import run_sql

PAGE = read("dates")
JAVASCRIPT, PYTHON = code(PAGE, "js"), code(PAGE, "python")
SILENT = re.sub(r"^console\.log.*$", "", JAVASCRIPT, flags=re.MULTILINE)
PATCHES = [row for row in rows(PAGE, "Setting and changing") if row[0].startswith("{")]
AT_FIVE = {"due_date": "2026-12-24", "due_time": "17:00", "time_zone": "Europe/Berlin"}
WITHOUT_DAY = dict.fromkeys(AT_FIVE)
STATES = {
    "no day": WITHOUT_DAY,
    "a day, but no zone": {**WITHOUT_DAY, "due_date": "2026-12-24"},
    "a time": AT_FIVE,
}
# At the edges of the world; with changes of clocks at midnight (Santiago, Beirut) and of half an hour (Lord Howe).
ZONES = [
    "Pacific/Pago_Pago",
    "America/Los_Angeles",
    "America/Santiago",
    "America/St_Johns",
    "UTC",
    "Europe/Berlin",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Pacific/Apia",
    "Pacific/Kiritimati",
]


def outcome(task):
    """The due fields of a task, as tables have them."""
    return [task[name] or "null" for name in AT_FIVE]


@pytest.mark.parametrize("place", PLACES)
def test_javascript_prints_what_its_comments_say(place):
    expected = expected_output(JAVASCRIPT, place)
    assert len(expected) == 20
    assert run_javascript(JAVASCRIPT, time_zone=PLACES[place]) == expected


@pytest.mark.parametrize("place", PLACES)
def test_python_prints_what_its_comments_say(place):
    expected = expected_output(PYTHON, place)
    assert len(expected) == 4
    assert run_python(PYTHON, time_zone=PLACES[place]) == expected


def test_python_knows_which_day_it_is():
    zone = "Pacific/Kiritimati"
    before, printed, after = (
        datetime.now(ZoneInfo(zone)).date().isoformat(),
        run_python(f"{PYTHON}\nprint(today({zone!r}))")[-1],
        datetime.now(ZoneInfo(zone)).date().isoformat(),
    )
    assert printed in {before, after}


def test_no_day_moves_in_any_zone():
    """Not on the first of a month, nor where the clocks change."""
    walk = f"""
        const midnight = (day) => dateOf(day).getTimezoneOffset();
        for (const zone of {json.dumps(ZONES)}) {{
          process.env.TZ = zone;
          for (let day = "2026-01-01"; day < "2027-01-02"; day = addDays(day, 1)) {{
            if (!day.endsWith("-01") && midnight(addDays(day, -1)) === midnight(addDays(day, 2))) continue;
            const shown = `${{Number(day.slice(8))}} `;
            if (dayOf(dateOf(day)) !== day || !showDay(day).startsWith(shown)) console.log(zone, day);
          }}
        }}"""
    assert run_javascript(SILENT + walk) == []


@pytest.mark.parametrize(("body", "due"), [(row[0], row[1:4]) for row in PATCHES if len(row) == 5])
def test_patch_does_what_the_table_says(alice, body, due):
    task = alice.create(**AT_FIVE)
    assert outcome(alice.patch(f"/{task['id']}", json=json.loads(body)).data) == due
    assert outcome(alice.get(f"/{task['id']}").data) == due


@pytest.mark.parametrize(("body", "state", "field"), [row for row in PATCHES if len(row) == 3])
def test_patch_is_rejected_as_the_table_says(alice, body, state, field):
    task = alice.create(**STATES[state])
    response = alice.patch(f"/{task['id']}", json=json.loads(body))
    assert (response.status, list(response.error["details"])) == (422, [field])
    assert alice.get(f"/{task['id']}").data == task


def test_values_that_the_page_calls_invalid_are_rejected(alice):
    sentence = re.search(r"There are no other forms.*?invalid times\.", PAGE, re.DOTALL)[0]
    days, times = (re.findall(r"`(.+?)`", part) for part in sentence.split("invalid days"))
    assert (len(days), len(times)) == (5, 4)
    zones = re.findall(r"`(.+?)`", re.search(r"Upper and lower case.*?its own\.", PAGE, re.DOTALL)[0])
    assert len(zones) == 6
    values = [("due_date", day) for day in days] + [("due_time", time) for time in times]
    for field, value in [*values, *(("time_zone", zone) for zone in zones)]:
        response = alice.post(json={"title": "a task", **AT_FIVE, field: value})
        assert (response.status, list(response.error["details"])) == (422, [field]), value


def test_body_of_the_form_sets_and_clears(alice):
    bodies = [json.loads(line) for line in expected_output(JAVASCRIPT, "Auckland") if line.startswith("{")]
    assert len(bodies) == 3
    task = alice.create()
    for body in bodies:
        changed = alice.patch(f"/{task['id']}", json=body)
        assert changed.status == 200
        assert {name: changed.data[name] for name in AT_FIVE} == {**WITHOUT_DAY, **body}


def test_clock_times_that_do_not_exist_or_exist_twice_are_due_when_the_table_says(alice):
    _, *examples = rows(PAGE, "When clocks change")
    assert len(examples) == 3
    for due_date, due_time, time_zone, due_at, _ in examples:
        task = alice.create(due_date=due_date, due_time=due_time, time_zone=time_zone)
        assert (task["due_date"], task["due_time"], task["due_at"]) == (due_date, due_time, due_at)


def test_every_time_zone_that_a_browser_may_have_is_accepted(database_url):
    printed = run_javascript('console.log(Intl.supportedValuesOf("timeZone").join())')
    zones = [*printed[0].split(","), "UTC", "Asia/Calcutta"]
    assert len(zones) > 400
    stored = [TaskIn().load({"title": "x", **AT_FIVE, "time_zone": zone})["time_zone"] for zone in zones]
    # PostgreSQL raises an error for one that it does not know.
    run_sql(database_url, "SELECT now() AT TIME ZONE zone FROM unnest(%s) AS zone", (stored,))


def test_old_names_of_time_zones_become_current_as_the_page_says(alice):
    examples = re.findall(r"`(\S+)` for `(\S+)`", PAGE)
    assert len(examples) == 2
    for stored, sent in examples:
        assert alice.create(**AT_FIVE | {"time_zone": sent})["time_zone"] == stored


def test_queries_and_badges_of_the_page_agree_with_the_service(alice, server):
    """In the user's zone: overdue, due today, completed today."""
    zone, clock = "Pacific/Auckland", ZoneInfo("Pacific/Auckland")
    today = datetime.now(clock).date()
    for due_date in ("2026-11-01", "2999-12-31", today.isoformat(), None):
        for due_time, time_zone in ((None, None), (None, "Pacific/Pago_Pago"), ("00:00", zone), ("23:59", zone)):
            for completed in (False, True):
                due = {"due_time": due_time, "time_zone": time_zone} if due_date else {}
                alice.create(due_date=due_date, completed=completed, **due)
    program = f"""
        const get = async (query) => (await fetch(`{server.url}{alice.tasks}?${{query}}`, {{
          headers: {{ Authorization: "Bearer {alice.token}" }} }})).json();
        const ids = async (query) => (await get(query)).data.map(({{ id }}) => id).sort().join();
        const now = new Date(), {{ data }} = await get("");
        const own = (test) => data.filter(test).map(({{ id }}) => id).sort().join();
        for (const pair of [
          [await ids(overdueQuery()), own((task) => isOverdue(task, now))],
          [await ids(todayQuery()), own((task) => !task.completed && task.due_date === dayOf(now))],
          [await ids(completedTodayQuery()), own((task) => task.completed)],
        ]) console.log(pair[0] === pair[1] && pair[0] !== "" ? "equal" : JSON.stringify(pair));"""
    assert run_javascript(SILENT + program, time_zone=zone) == ["equal"] * 3
