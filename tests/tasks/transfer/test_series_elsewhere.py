"""A series that is exported in its middle goes on elsewhere to the same end."""

import pytest

from tests.support.importing import CSV, ndjson
from tests.support.recurring import recurs
from tests.tasks.transfer.test_csv_files import table

RULES = {
    "FREQ=DAILY": ("2035-01-01", {}),
    "FREQ=WEEKLY;BYDAY=MO,TH": ("2035-01-01", {}),
    "FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3": ("2035-01-31", {}),
    "FREQ=YEARLY;UNTIL=20370101": ("2035-01-01", {}),
    "FREQ=DAILY;COUNT=2": ("2035-01-01", {}),
    "FREQ=DAILY;INTERVAL=3": ("2020-01-01", {"from": "completion"}),
}


def complete_newest(user):
    """Complete the newest task, and return what is the same elsewhere of the next one, or None."""
    response = user.send("PATCH", f"/{user.tasks()[-1]['id']}/complete", json={"completed": True})
    following = response.json.get("next")
    return following and (following["due_date"], following["recurrence"])


@pytest.mark.parametrize("file_of", [table, lambda *tasks: ndjson(*tasks)], ids=["csv", "ndjson"])
@pytest.mark.parametrize("rule", RULES)
def test_series_goes_on_elsewhere_to_the_same_end(make_importer, rule, file_of):
    day, origin = RULES[rule]
    user = make_importer()
    user.create(**recurs(rule, day, **origin))
    for _ in range(4):
        options, other = {"kind": CSV} if file_of is table else {}, make_importer()
        other.imported(file_of(*user.tasks()), **options)
        following = complete_newest(user)
        assert complete_newest(other) == following
        if following is None:
            break
    assert (following is None) == ("COUNT" in rule or "UNTIL" in rule)
