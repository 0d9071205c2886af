"""Lists as NDJSON and CSV: the same tasks as in JSON, with the same parameters."""

import csv
import json
from io import StringIO

import pytest

from taskapp.tasks.transfer.csv_columns import COLUMNS, from_cells
from tests.support.client import raw

LINES, CSV = {"Accept": "application/x-ndjson"}, {"Accept": "text/csv"}
CONTENT_TYPES = {"application/x-ndjson": "application/x-ndjson", "text/csv": "text/csv; charset=utf-8"}
each_form = pytest.mark.parametrize("accept", [LINES, CSV])
RULE = {"rule": "FREQ=WEEKLY;BYDAY=MO"}
ODD = [
    {"title": "=1+1", "description": "", "tags": ["-a", "'b"]},
    {"title": 'a "quoted", text', "description": "two\r\nlines\nand\rmore"},
    {"title": "naïve ☃ \U0001f600", "completed": True, "priority": "urgent"},
    {"title": "weekly", "due_date": "2026-11-30", "time_zone": "Europe/Berlin", "recurrence": RULE},
    {"title": "'", "due_date": "2026-12-24", "due_time": "17:00", "time_zone": "Asia/Kathmandu"},
]


def rows_of(response):
    columns, *rows = csv.reader(StringIO(response.body.decode(), newline=""), strict=True)
    return [from_cells(dict(zip(columns, row, strict=True))) for row in rows]


def tasks_of(response):
    is_csv = response.headers["Content-Type"].startswith("text/csv")
    return rows_of(response) if is_csv else [json.loads(line) for line in response.body.splitlines()]


@pytest.fixture
def filled(alice):
    for fields in ODD:
        alice.create(**fields)
    return alice


def test_lines_are_the_tasks_of_the_list_byte_for_byte(filled):
    expected = filled.get("?sort=id").body
    response = filled.get("?sort=id", headers=LINES)
    assert response.headers["Content-Type"] == "application/x-ndjson"
    lines = response.body.split(b"\n")
    assert lines.pop() == b""
    assert len(lines) == len(ODD)
    assert expected.startswith(b'{"data":[' + b",".join(lines) + b'],"pagination"')


def test_rows_have_everything_of_the_tasks(filled):
    response = filled.get("?sort=id", headers=CSV)
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.body.startswith(",".join(COLUMNS).encode() + b"\r\n")
    assert rows_of(response) == filled.get("?sort=id").data
    assert b",'=1+1,',," not in response.body  # The empty description is an apostrophe, and then completed follows.
    assert b",'=1+1,',false," in response.body


@each_form
def test_nothing_is_an_empty_file(alice, accept):
    response = alice.get(headers=accept)
    assert (response.status, response.headers["Content-Type"]) == (200, CONTENT_TYPES[accept["Accept"]])
    expected = b"" if accept is LINES else ",".join(COLUMNS).encode() + b"\r\n"
    assert response.body == expected
    assert response.headers["Content-Length"] == str(len(expected))
    chosen = alice.get("?fields=title,recurrence", headers=accept).body
    assert chosen.split(b",")[:2] == ([b"id", b"title"] if accept is CSV else [b""])


@each_form
def test_parameters_are_those_of_a_list(filled, accept):
    for query in ("?status=completed", "?sort=title", "?q=weekly", "?tags_any='b", "?fields=title,tags", "?limit=2"):
        response, expected = filled.get(query, headers=accept), filled.get(query)
        assert tasks_of(response) == expected.data
        assert (response.headers["Link"] is None) == (expected.headers["Link"] is None)
    for query in ("?limit=0", "?status=x", "?colour=red", "?sort=completed_at", "?cursor=x"):
        response, expected = filled.get(query, headers=accept), filled.get(query)
        assert response.headers["Content-Type"] == "application/json"
        assert (response.status, response.error["details"]) == (422, expected.error["details"])


@each_form
def test_pages_are_joined_by_links(filled, accept):
    path, found = f"{filled.tasks}?sort=title&limit=2", []
    for expected in (2, 2, 1):
        page = filled.request("GET", path, headers=accept)
        assert len(tasks_of(page)) == expected
        found += tasks_of(page)
        path = page.headers["Link"] and page.headers["Link"].removeprefix("<").removesuffix('>; rel="next"')
    assert path is None
    assert found == filled.get("?sort=title").data


@each_form
def test_total_and_number_are_headers(filled, accept):
    plain = filled.get("?limit=1", headers=accept)
    assert (plain.headers["Total-Count"], plain.headers["As-Of"]) == (None, None)
    both = filled.get("?limit=1&count=true&as_of=now", headers=accept)
    assert (both.headers["Total-Count"], both.headers["As-Of"]) == ("5", "5")
    assert (filled.get("?count=true&q=nothing", headers=accept).headers["Total-Count"]) == "0"
    earlier = filled.get("?as_of=2&sort=id&limit=1", headers=accept)
    assert earlier.headers["As-Of"] == "2"
    assert "as_of=2" in earlier.headers["Link"]
    assert tasks_of(filled.get("?as_of=2&sort=id", headers=accept)) == filled.get("?as_of=2&sort=id").data
    in_json = filled.get("?limit=1&count=true&as_of=now")
    assert (in_json.headers["Total-Count"], in_json.headers["As-Of"]) == (None, None)


@each_form
def test_file_has_a_name_and_is_not_kept(filled, accept):
    response = filled.get(headers=accept)
    end = "csv" if accept is CSV else "ndjson"
    assert response.headers["Content-Disposition"] == f'attachment; filename="tasks.{end}"'
    assert (response.headers["Cache-Control"], response.headers["ETag"]) == ("no-store", None)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    head = filled.request("HEAD", filled.tasks, headers=accept)
    assert (head.status, head.body, head.headers["Content-Type"]) == (200, b"", CONTENT_TYPES[accept["Accept"]])
    assert head.headers["Content-Length"] == response.headers["Content-Length"]


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/csv", "application/x-ndjson", "application/xml"])
def test_every_form_varies(alice, accept):
    response = alice.get(headers={"Accept": accept})
    assert (response.status, response.headers["Vary"]) == (200, "Accept")


def test_json_has_no_name(alice):
    assert alice.get().headers["Content-Disposition"] is None


def test_several_headers_are_one_list(alice):
    head = f"GET {alice.tasks} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\nConnection: close\r\n"
    request = head + "Accept: application/json;q=0.1\r\nAccept: text/csv\r\n\r\n"
    response = raw(alice._connection.port, request.encode())
    assert (response.status, response.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")


def test_byte_order_mark_is_for_csv_only(filled):
    with_mark = filled.get("?bom=true", headers=CSV).body
    assert with_mark == b"\xef\xbb\xbf" + filled.get("?bom=false", headers=CSV).body
    for headers in ({}, LINES):
        response = filled.get("?bom=true", headers=headers)
        assert (response.status, response.error["details"]) == (422, {"bom": ["Needs the header Accept: text/csv."]})
        assert filled.get("?bom=false", headers=headers).status == 200
    page = filled.get("?bom=true&limit=3", headers=CSV)
    link = page.headers["Link"].removeprefix("<").removesuffix('>; rel="next"')
    assert filled.request("GET", link, headers=CSV).body.startswith(b"\xef\xbb\xbfid,")


def test_other_routes_only_have_json(filled):
    for path in (f"{filled.tasks}/stats?time_zone=UTC", filled.tags, f"{filled.changes}?after=0", filled.trash):
        assert filled.request("GET", path, headers=CSV).headers["Content-Type"] == "application/json"
