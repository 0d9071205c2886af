"""The examples of docs/reminders.md print what the page says, and its table of what moves a reminder holds."""

import json
import re

from taskapp.tasks.reminders import service
from taskapp.tasks.reminders.documents import MAXIMUM_MINUTES
from tests.support.documents import printed_pattern, read, rows, run_shell, setup_for, shell_examples
from tests.support.reminding import PAST, feed

PAGE = read("reminders")


def test_example_prints_what_the_page_says(server, alice):
    (setup, _), (command, printed) = shell_examples(PAGE)
    output = run_shell(setup_for(setup, server, alice) + command)
    pattern = printed_pattern(printed.replace('"id": 1', '"id": …'))
    assert re.fullmatch(pattern, output.strip()), output


def test_change_has_the_shape_of_the_page(app, alice):
    blocks = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    shown = json.loads(blocks[1].replace(", …}", "}"))
    alice.create(reminder=PAST)
    with app.app_context():
        service.fire(alice.user_id)
    (_, entry) = feed(alice)
    assert entry.keys() == shown.keys() | {"task"}
    assert list(entry["changed"]) == list(shown["changed"])
    assert (entry["number"], entry["write"], entry["type"]) == (shown["number"], shown["write"], shown["type"])


def test_table_of_fields_is_complete():
    assert [name for name, *_ in rows(PAGE, "Set one")[1:]] == [
        "reminder",
        "reminder.minutes_before",
        "reminder.at",
        "reminded_at",
    ]
    assert f"0 … {MAXIMUM_MINUTES:,} minutes" in PAGE
