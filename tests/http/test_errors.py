"""Every error has the same shape, whether of the application, of Flask or of gunicorn."""

import json
import re
from http import HTTPStatus

import pytest
from werkzeug.exceptions import default_exceptions

from taskapp.http import error_body, errors
from taskapp.tasks import service
from tests.support.client import assert_canonical_error, raw
from tests.support.postgres import run_sql

# The errors of the contract that exceptions are mapped to.
CONTRACT = {
    (400, "MALFORMED_REQUEST"),
    (401, "UNAUTHORIZED"),
    (403, "FORBIDDEN"),
    (403, "INSUFFICIENT_SCOPE"),
    (404, "CALENDAR_NOT_FOUND"),
    (404, "CHANGE_NOT_FOUND"),
    (404, "TAG_NOT_FOUND"),
    (404, "TASK_NOT_FOUND"),
    (404, "WEBHOOK_NOT_FOUND"),
    (409, "CONFLICT"),
    (410, "CHANGES_GONE"),
    (412, "PRECONDITION_FAILED"),
    (415, "UNSUPPORTED_MEDIA_TYPE"),
    (422, "VALIDATION_ERROR"),
    (422, "OPERATION_TOO_SLOW"),
    (429, "RATE_LIMITED"),
    (503, "SERVICE_UNAVAILABLE"),
    (503, "DATABASE_ERROR"),
}


@pytest.fixture
def broken_app(make_app):
    """An application with a route for every kind of failure."""
    app = make_app()

    def fail_with(error):
        def view():
            raise error

        return view

    for status, error in default_exceptions.items():
        app.add_url_rule(f"/fail/{status}", f"fail_{status}", fail_with(error()))
    app.add_url_rule("/fail/bug", "bug", fail_with(RuntimeError("secret text, /a/path, SELECT 1")))
    return app


def test_every_http_error_has_the_one_shape(broken_app):
    http_client = broken_app.test_client()
    for status in default_exceptions:
        response = http_client.get(f"/fail/{status}")
        error = response.json["error"]
        assert response.status_code == status
        assert error["message"]
        assert error["code"] == error_body.CODES.get(HTTPStatus(status), error_body.name_of(HTTPStatus(status)))
        assert error["request_id"] == response.headers["X-Request-ID"]


@pytest.mark.usefixtures("app")
def test_codes_are_those_of_the_contract():
    assert {(error.status, error.code) for error in errors.error_responses.values()} == CONTRACT
    assert [error_body.CODES[status] for status in (413, 429, 500)] == [
        "PAYLOAD_TOO_LARGE",
        "RATE_LIMITED",
        "UNEXPECTED_ERROR",
    ]


def test_bug_is_logged_under_its_request_id_and_not_shown(broken_app, capfd):
    response = broken_app.test_client().get("/fail/bug", headers={"X-Request-ID": "find.me-1"})
    assert response.status_code == 500
    assert response.json["error"]["code"] == "UNEXPECTED_ERROR"
    assert response.json["error"]["request_id"] == "find.me-1"
    assert "secret" not in response.text
    log = capfd.readouterr().err
    line = json.loads(log.splitlines()[-1])
    assert (line["request_id"], line["message"]) == ("find.me-1", "Exception on GET /fail/bug")
    assert "RuntimeError: secret text" in line["exception"]


def test_bug_below_a_view_is_a_500_that_does_not_show_it(broken_app, monkeypatch, alice):
    def fail(*_, **__):
        raise RuntimeError("SELECT secret FROM tasks")

    monkeypatch.setattr(service, "execute", fail)
    response = broken_app.test_client().get(alice.tasks, headers={"Authorization": f"Bearer {alice.token}"})
    assert response.status_code == 500
    assert "SELECT" not in response.text


def test_text_of_users_is_not_logged(make_app, alice, capfd, database_url):
    run_sql(database_url, "ALTER TABLE tasks ADD CONSTRAINT bug CHECK (title <> 'my secret') NOT VALID")
    try:
        http_client = make_app().test_client()
        headers = {"Authorization": f"Bearer {alice.token}"}
        response = http_client.post(alice.tasks, json={"title": "my secret"}, headers=headers)
    finally:
        run_sql(database_url, "ALTER TABLE tasks DROP CONSTRAINT bug")
    assert response.status_code == 500
    log = capfd.readouterr().err
    assert "CheckViolation" in log
    assert alice.token not in log
    assert "my secret" not in log


@pytest.mark.parametrize("request_id", ["a", "A-z0.9_", "x" * 128])
def test_well_formed_request_id_is_returned(alice, request_id):
    response = alice.get(headers={"X-Request-ID": request_id})
    assert response.headers["X-Request-ID"] == request_id
    assert alice.get("/1", headers={"X-Request-ID": request_id}).error["request_id"] == request_id


@pytest.mark.parametrize("request_id", ["", "x" * 129, "a b", "a/b", "é", "<script>", "a\tb", "٣"])
def test_malformed_request_id_is_replaced(alice, request_id):
    made = [alice.get(headers={"X-Request-ID": request_id.encode()}).headers["X-Request-ID"] for _ in range(2)]
    assert request_id not in made
    assert made[0] != made[1]
    assert re.fullmatch(r"[0-9a-f]{32}", made[0])


def test_head_errors_have_no_body(alice):
    for path, token, status in [(alice.tasks + "/1", alice.token, 404), (alice.tasks, None, 401), ("/none", None, 404)]:
        response = alice.request("HEAD", path, token=token)
        assert (response.status, response.body) == (status, b"")


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (b"nonsense\r\n\r\n", 400, "MALFORMED_REQUEST"),
        (b"GET / HTTP/9.9\r\n\r\n", 400, "MALFORMED_REQUEST"),
        (b"get / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "MALFORMED_REQUEST"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n", 400, "MALFORMED_REQUEST"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400, "MALFORMED_REQUEST"),
        (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400, "MALFORMED_REQUEST"),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "REQUEST_URI_TOO_LONG"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 20_000 + b"\r\n\r\n", 431, "REQUEST_HEADER_FIELDS_TOO_LARGE"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: x\r\n" * 200 + b"\r\n", 431, "REQUEST_HEADER_FIELDS_TOO_LARGE"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: nonsense, chunked\r\n\r\n", 501, "NOT_IMPLEMENTED"),
    ],
    ids=range(10),
)
def test_error_of_gunicorn_has_the_one_shape(server, request_bytes, status, code):
    response = raw(server.port, request_bytes)
    assert (response.status, response.error["code"]) == (status, code)
    assert response.reason == HTTPStatus(status).phrase
    assert_canonical_error(response)


def test_script_name_of_a_client_is_ignored(alice, server):
    for path, status in [("/health/live", 200), (f"/x{alice.tasks}", 404)]:
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\nSCRIPT_NAME: /x\r\n\r\n"
        assert raw(server.port, request.encode()).status == status


def test_invalid_name_in_an_error_is_replaced(alice):
    response = alice.post(body=b'{"\\ud800\\u0000": 1}', headers={"Content-Type": "application/json"})
    assert response.status == 422
    assert "?\0" in response.error["details"]
