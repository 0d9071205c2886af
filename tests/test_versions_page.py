"""What docs/versions.md promises agrees with the service and with the other pages."""

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from config import ROOT
from tests.support.contract import DOCUMENT
from tests.support.documents import read, rows

PAGE = read("versions")


def test_nothing_is_deprecated_as_long_as_the_page_says_so():
    assert ("**Nothing is deprecated today.**" in PAGE) == ('"deprecated": true' not in json.dumps(DOCUMENT))


def test_example_of_the_headers_is_valid():
    """RFC 9745, section 2.1: a Structured Field date. RFC 8594: an HTTP date."""
    deprecated = datetime.fromtimestamp(int(re.search(r"^Deprecation: @(\d+)$", PAGE, re.MULTILINE)[1]), UTC)
    text = re.search(r"^Sunset: (.+)$", PAGE, re.MULTILINE)[1]
    sunset = parsedate_to_datetime(text)
    assert format_datetime(sunset, usegmt=True) == text  # The day of the week is that of the date.
    assert sunset - deprecated >= timedelta(days=365)


def test_prefix_of_breaking_changes_is_free(new_client):
    """Under /api it would be the id of a user."""
    user = new_client("v2")
    task = user.create()
    assert user.request("GET", "/api/v2/tasks").data == [task]
    prefix = re.search(r"`(/v2/)\{user_id\}/tasks`", PAGE)[1]
    assert not any(path.startswith(prefix) for path in DOCUMENT["paths"])
    assert user.request("GET", f"{prefix}alice/tasks").error["code"] == "NOT_FOUND"
    assert user.delete(f"/{task['id']}").status == 200


def test_supported_versions_are_those_of_the_other_pages():
    _, (_, python, *_), (_, postgres, *_) = rows(PAGE, "Python and PostgreSQL")
    assert f"--python-version {python.split()[0]} " in (ROOT / "Makefile").read_text()
    assert f"| embedded PostgreSQL | PostgreSQL {postgres}," in read("settings")
