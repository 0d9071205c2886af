"""Row-level security keeps users apart in imports even if no statement names the user in a condition."""

import pytest

from tests.support.bulk_user import BulkUser
from tests.support.importing import ndjson
from tests.support.recurring import recurs


@pytest.mark.usefixtures("without_conditions")
def test_row_level_security_alone_keeps_users_apart(importer, other_importer, database_url):
    theirs = [other_importer.create(tags=["a"]), other_importer.create(**recurs())]
    traces = BulkUser(database_url, other_importer.user_id).traces()[:-1]
    for query in ("?existing=refuse&dry_run=true", "?existing=refuse"):
        assert importer.results(*theirs, query=query) == ["created"] * 2
    lines = [{**task, "title": "mine"} for task in theirs]
    for existing, result in (("skip", "skipped"), ("update", "updated"), ("refuse", "unchanged")):
        assert importer.results(*lines, query=f"?existing={existing}", key=existing) == [result] * 2
    copy = {**theirs[1], "uid": theirs[0]["uid"][:-2] + "00"}
    assert [*importer.details(ndjson(copy), status=409)] == ["lines.1.recurrence"]
    assert [task["title"] for task in importer.tasks()] == ["mine"] * 2
    assert other_importer.tasks() == theirs
    assert BulkUser(database_url, other_importer.user_id).traces()[:-1] == traces
