"""The OpenAPI document: complete, valid, as reviewed, and precise enough to find wrong responses."""

import email.message
import json
import re
import subprocess

import pytest
from jsonschema import ValidationError
from openapi_spec_validator import validate

from config import ROOT
from tests.support.client import Response
from tests.support.contract import DOCUMENT, HEADERS, assert_documented, find_operation, resolve
from tests.support.external import require
from tests.support.operations import CALENDAR, CALENDARS, OPERATIONS, TAGS, TASK, TASKS, USER, WEBHOOK, WEBHOOKS

SPECTRAL = ROOT / "tests" / "support" / "tools" / "node_modules" / ".bin" / "spectral"
# Routes that are there for the document itself.
OF_THE_DOCUMENT = {"/docs", "/docs/<name>", "/openapi.json"}


def test_document_is_the_reviewed_one(alice):
    """`make openapi` writes it again; the difference is the change of the contract."""
    response = alice.request("GET", "/openapi.json", token=None)
    assert response.status == 200
    assert response.json == DOCUMENT


def test_document_is_valid():
    assert DOCUMENT["openapi"] == "3.1.0"
    validate(DOCUMENT)


@pytest.mark.slow
def test_document_lints_clean():
    """By Spectral's default rules for OpenAPI, its warnings included."""
    spectral = require(SPECTRAL, "'make tools' installs it.")
    result = subprocess.run(
        [
            spectral,
            "lint",
            "--ruleset",
            ROOT / "tests/support/tools/spectral.yaml",
            "--fail-severity",
            "hint",
            "docs/openapi.json",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_document_has_every_operation_with_its_statuses(app):
    documented = {
        (method, path): (operation["operationId"], operation["responses"].keys())
        for path, item in DOCUMENT["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }
    assert documented == OPERATIONS
    routes = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.rule not in OF_THE_DOCUMENT
    }
    assert documented.keys() == routes


def test_only_routes_behind_the_guard_require_a_token():
    assert DOCUMENT["security"] == [{"bearer": []}]
    others = {"/metrics": [{"metrics": []}]}
    for method, path in OPERATIONS:
        operation = DOCUMENT["paths"][path][method]
        assert operation.get("security") == (None if path.startswith("/api") else others.get(path, []))


def test_patches_may_be_merge_patches():
    bodies = {
        (method, path): set(DOCUMENT["paths"][path][method]["requestBody"]["content"])
        for method, path in OPERATIONS
        if "requestBody" in DOCUMENT["paths"][path][method]
    }
    json, merge = "application/json", "application/merge-patch+json"
    assert bodies == {
        ("post", TASKS): {json},
        ("post", TASKS + "/bulk"): {json},
        ("post", TASKS + "/import"): {"application/x-ndjson", "text/csv"},
        ("put", TASK): {json},
        ("patch", TASK): {json, merge},
        ("patch", TASK + "/complete"): {json, merge},
        ("patch", TAGS): {json, merge},
        ("post", CALENDARS): {json},
        ("patch", CALENDAR): {json, merge},
        ("post", WEBHOOKS): {json},
        ("patch", WEBHOOK): {json, merge},
        ("post", WEBHOOK + "/replay"): {json},
    }


def test_a_person_can_read_it():
    for method, path in OPERATIONS:
        operation = DOCUMENT["paths"][path][method]
        assert operation["summary"]
        assert len(operation["description"]) > 20
        assert not operation["summary"].endswith(".")
    assert "Idempotency-Key" in DOCUMENT["info"]["description"]


def test_no_description_is_made_for_another_reader():
    """Neither marks of docstrings, nor their line ends."""
    for description in re.findall(
        r'"description": "((?:[^"\\]|\\.)*)"', json.dumps(DOCUMENT["paths"] | DOCUMENT["components"])
    ):
        assert "``" not in description
        assert not re.search(r"\brows?\b", description.replace("row-level", "")), description  # They are tasks.
        assert not re.search(r"[^\n]\\n[^\n]", description.replace("\\n\\n", "")), description


def test_fields_of_requests_have_no_defaults():
    """Generators take a field with a default for one that is always there."""
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert all("default" not in field for field in schema.get("properties", {}).values()), name


def made_up(status=200, body=b'{"data":{}}', **headers):
    message = email.message.Message()
    for name, value in {"X-Request-ID": "x", "Content-Type": "application/json", **headers}.items():
        message[name.replace("_", "-")] = value
    return Response(status, message, body)


GOOD = b'{"status":"ok"}'


def test_documented_response_passes():
    assert_documented("GET", "/health/live", made_up(body=GOOD))


@pytest.mark.parametrize(
    ("path", "response", "complaint"),
    [
        ("/health/ready", made_up(status=202, body=GOOD), "202 is not documented"),
        ("/health/ready", made_up(body=GOOD, ETag='"1"'), "has headers"),
        ("/metrics", made_up(status=401, body=GOOD), "has headers"),
    ],
)
def test_undocumented_status_or_header_is_noticed(path, response, complaint):
    with pytest.raises(AssertionError, match=complaint):
        assert_documented("GET", path, response)


@pytest.mark.parametrize("body", [b'{"status":"ok","more":1}', b"{}", b'{"status":1}', b'{"status":"well"}'])
def test_undocumented_field_is_noticed(body):
    with pytest.raises(ValidationError):
        assert_documented("GET", "/health/live", made_up(body=body))


def test_undocumented_code_is_noticed():
    body = b'{"error":{"code":"OTHER","message":"m","request_id":"x"}}'
    with pytest.raises(AssertionError, match="OTHER is not documented"):
        assert_documented("GET", "/api/u/tasks", made_up(status=403, body=body))


def test_operations_are_found_as_the_server_finds_them():
    assert find_operation("GET", "/api/a%20b/tasks?limit=1")["operationId"] == "list_tasks"
    assert find_operation("HEAD", "/api/u/tasks/1")["operationId"] == "get_task"
    assert find_operation("GET", "/api/u/tasks/1/complete") is None
    assert find_operation("POST", "/health") is None


def test_headers_of_the_contract_are_all_documented():
    expected = {
        "Accept-Encoding",
        "As-Of",
        "Change",
        "Content-Disposition",
        "ETag",
        "Idempotency-Replayed",
        "Link",
        "Location",
        "Preference-Applied",
        "RateLimit",
        "RateLimit-Policy",
        "Retry-After",
        "Server-Timing",
        "Total-Count",
        "WWW-Authenticate",
        "X-Request-ID",
    }
    assert expected == HEADERS


def test_responses_to_authorized_requests_have_the_quota():
    before_the_token_is_checked = {"401", "403", "414", "417", "431", "501"}
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items() if path.startswith(USER) else ():
            for status, reference in operation["responses"].items() if method != "parameters" else ():
                documented = resolve(reference).get("headers", {}).keys()
                has_quota = documented >= {"RateLimit", "RateLimit-Policy"}
                assert has_quota == (status not in before_the_token_is_checked), f"{method} {path}: {status}"
