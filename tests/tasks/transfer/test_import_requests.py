"""The request of an import: its path, headers and size."""

import json

import pytest

from tests.support.change_log import assert_whole
from tests.support.importing import NDJSON, ndjson

FILE = ndjson({"title": "a"})
MEBIBYTE = 2**20


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_not_allowed(importer, method):
    response = importer.send(method, "/import")
    assert (response.status_code, set(response.allow)) == (405, {"POST", "OPTIONS"})


def test_media_type_must_be_one_of_both(importer):
    for kind in (None, "application/json", "text/plain", "application/x-www-form-urlencoded", "application/csv"):
        response = importer.send_file(FILE, kind=kind)
        assert (response.status_code, response.json["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
        assert response.json["error"]["message"].endswith("must be application/x-ndjson or text/csv.")
    for kind in (NDJSON, "application/x-ndjson; charset=UTF-8", "Application/X-NDJSON;charset=utf-8"):
        assert importer.send_file(FILE, kind=kind).status_code == 200
    assert importer.imported("title\na\n", kind='text/csv; charset="utf-8"; header=present')["unchanged"] == 1
    for kind in ("text/csv; charset=latin-1", "application/x-ndjson; charset=utf-16"):
        assert importer.send_file(FILE, kind=kind).json["error"]["message"] == "The charset of the body must be utf-8."
    assert importer.send_file(FILE, headers={"Content-Encoding": "gzip"}).status_code == 415


def test_conditions_are_about_one_task(importer):
    details = importer.details(FILE, headers={"If-Match": "*"})
    assert details == {"If-Match": "Is about one task. Send existing=refuse to change no task."}
    assert importer.tasks() == []


def test_unknown_parameters_and_values_are_named(importer):
    details = importer.details(FILE, "?existing=overwrite&long_text=&dryrun=true&mode=skip")
    assert details == {
        "existing": "Must be one of: skip, update, refuse.",
        "long_text": "Must not be empty. Omit it instead.",
        "dryrun": "Unknown parameter. Did you mean dry_run?",
        "mode": "Unknown parameter. Did you mean existing?",
    }


@pytest.mark.parametrize("changing", [{"title": "b"}, {}])
def test_key_makes_an_import_once(importer, database_url, changing):
    """Whether or not it has something to write."""
    task = importer.create(title="a")
    file = ndjson({**task, **changing})
    first = importer.send_file(file, "?existing=update", key="key")
    assert (first.status_code, first.json["data"]["updated"]) == (200, len(changing))
    importer.send("DELETE", f"/{task['id']}")
    again = importer.send_file(file, "?existing=update", key="key")
    assert (again.status_code, again.data, again.headers["Idempotency-Replayed"]) == (200, first.data, "true")
    assert again.headers.get("Change") == first.headers.get("Change")
    assert importer.tasks() == []
    for other, query in ((FILE, "?existing=update"), (file, "")):
        assert [*importer.details(other, query, key="key")] == ["Idempotency-Key"]
    assert importer.write("key").status_code == 422
    assert_whole(database_url, importer.user_id)


def test_key_of_an_import_that_fails_is_free(importer):
    task = importer.create(title="a")
    file = ndjson({**task, "title": "b"})
    assert importer.send_file(file, "?existing=refuse", key="key").status_code == 409
    assert importer.send_file("x", key="key").status_code == 422
    importer.send("DELETE", f"/{task['id']}")
    assert importer.send_file(file, "?existing=refuse", key="key").status_code == 200


def chunked(data):
    yield from (data[start : start + 100_000] for start in range(0, len(data), 100_000))


def sized(size):
    """A file of exactly so many bytes: one task, and empty lines, which do not count."""
    return (FILE + "\n" * (size - len(FILE))).encode()


def test_largest_file_is_taken_and_a_larger_one_is_not(alice):
    headers = {"Content-Type": NDJSON}
    assert alice.post("/import", body=sized(MEBIBYTE), headers=headers).data["created"] == 1
    assert alice.post("/import", body=chunked(sized(MEBIBYTE)), headers=headers).data["unchanged"] == 1
    for body in (sized(MEBIBYTE + 1), chunked(sized(MEBIBYTE + 1))):
        response = alice.post("/import", body=body, headers=headers)
        assert (response.status, response.error["message"]) == (413, "The body exceeds 1 MiB.")
        assert alice.get().status == 200
    assert len(alice.get().data) == 1


def test_connection_stays_open_after_a_wrong_file(alice):
    headers = {"Content-Type": NDJSON}
    response = alice.post("/import", body=b"x\n" * 1000, headers=headers)
    assert (response.status, len(response.error["details"])) == (422, 1000)
    assert len(json.dumps(response.error["message"])) < 600
    socket = alice._connection.sock
    assert alice.post("/import", body=FILE.encode(), headers=headers).status == 200
    assert alice._connection.sock is socket
