"""Which media type a client prefers by its header Accept."""

from types import SimpleNamespace

import pytest

from taskapp.http.negotiation import preferred_type

JSON, LINES, CSV = OFFERED = ("application/json", "application/x-ndjson", "text/csv")
CHROME = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7"
)


def prefer(accept):
    return preferred_type(SimpleNamespace(environ={} if accept is None else {"HTTP_ACCEPT": accept}), OFFERED)


@pytest.mark.parametrize("accept", [None, "", "*/*", "application/json", "application/json, text/plain, */*", CHROME])
def test_usual_clients_get_json(accept):
    assert prefer(accept) == JSON


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/csv", CSV),
        ("TEXT/CSV", CSV),
        ("application/x-ndjson", LINES),
        ("text/*", CSV),
        ("application/*", JSON),
        # The quality decides, not the place. The most specific range counts.
        ("text/csv;q=0.5, application/x-ndjson;q=0.7", LINES),
        ("text/csv;q=0.5, application/json;q=0.7", JSON),
        ("application/json;q=0.5, text/csv;q=0.7", CSV),
        ("*/*;q=0.9, application/json;q=0.1", LINES),
        ("application/*;q=0.9, application/json;q=0, application/x-ndjson;q=0.1", LINES),
        ("text/csv;q=0, */*", JSON),
        ("application/json;q=0, */*", LINES),
        ("application/json;q=0, application/x-ndjson;q=0, */*;q=0.1", CSV),
        # Of equal ones, what is named, and then JSON.
        ("text/csv, */*", CSV),
        ("*/*, application/x-ndjson", LINES),
        ("text/csv, application/json", JSON),
        ("text/csv, application/x-ndjson", LINES),
        # Parameters and white space do not matter.
        ("text/csv; charset=utf-8", CSV),
        ("text/csv;header=present;q=0.3", CSV),
        ('text/csv;note="a,b"', CSV),
        ("application/json; charset=utf-8", JSON),
        (" text/csv ; q=0.8 , application/json ; q=0.7 ", CSV),
        (", ,text/csv", CSV),
        # What accepts none of them, is invalid, or is too long.
        ("application/xml", JSON),
        ("text/csv;q=0", JSON),
        ("*/*;q=0", JSON),
        ("text/csv;q=2", JSON),
        ("text/csv;q=x", JSON),
        ("csv", JSON),
        ("*/csv", JSON),
        ("text/csv" + " " * 1_000, JSON),
    ],
)
def test_type_is_chosen_as_the_rfc_says(accept, expected):
    assert prefer(accept) == expected
