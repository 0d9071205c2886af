"""The Postman collection: its checks pass, it shows every operation and error, and it leaves nothing behind."""

import json
import re

import pytest

from config import ROOT
from taskapp.http.openapi import ErrorEnvelope
from taskapp.tasks import response_schemas
from taskapp.tasks.erasure.schemas import ErasureEnvelope
from taskapp.tasks.stats.schemas import StatsEnvelope
from taskapp.tasks.tags import schemas as tag_schemas
from tests.support.postman import run_collection

FILES = [ROOT / "postman" / f"taskapp.postman_{kind}.json" for kind in ("collection", "environment")]
COLLECTION, ENVIRONMENT = (json.loads(path.read_text()) for path in FILES)
API = (ROOT / "docs" / "api.md").read_text()
METHODS = {"get", "post", "put", "patch", "delete"}
METRICS_TOKEN = "a-token-for-metrics_1"
NAME = re.compile(r"\S.* → (\d{3})(?: ([A-Z_]+))?(?: \(([\w.-]+)\))?")
# They depend on the state or the settings of the service. The collection shows them as saved examples.
NOT_BY_A_CLIENT = {
    ("403", "INSUFFICIENT_SCOPE"),
    ("409", "CONFLICT"),
    ("409", "TOO_MANY_AFFECTED"),
    ("409", "TOO_MANY_WEBHOOKS"),
    ("422", "OPERATION_TOO_SLOW"),
    ("429", "RATE_LIMITED"),
    ("500", "UNEXPECTED_ERROR"),
    ("503", "DATABASE_ERROR"),
    ("503", "SERVICE_UNAVAILABLE"),
}


def items_of(folder):
    """The folders and requests in a folder, at any depth."""
    for item in folder["item"]:
        yield item
        if "item" in item:
            yield from items_of(item)


ITEMS = list(items_of(COLLECTION))
REQUESTS = [item for item in ITEMS if "request" in item]


# A script that skips its request if a variable is set, or is not.
SKIP = re.compile(r'if \((!?)pm\.variables\.get\("(\w+)"\)\) pm\.execution\.skipRequest\(\);')


def is_sent(item, *variables):
    """Whether a request is sent if only these variables are set."""
    script = "\n".join(line for event in item.get("event", []) for line in event["script"]["exec"])
    assert len(SKIP.findall(script)) == script.count("skipRequest"), item["name"]
    return all((name in variables) == bool(unless) for unless, name in SKIP.findall(script))


def resolve(document, parameter):
    """A parameter of the OpenAPI document, even if it refers to a component."""
    name = parameter.get("$ref", "").rpartition("/")[2]
    return document["components"]["parameters"][name] if name else parameter


def unique(sent):
    """Names in order; a request whose script sends further ones appears once."""
    return list(dict.fromkeys(request.name for request in sent))


@pytest.fixture(scope="module")
def with_secret(start_module_server, tmp_path_factory):
    """A run with every variable of the collection, on a service with everything switched on."""
    server = start_module_server(METRICS_TOKEN=METRICS_TOKEN, SERVER_TIMING="true")
    return run_collection(server, tmp_path_factory.mktemp("newman"), "JWT_SECRET", METRICS_TOKEN)


@pytest.fixture(scope="module")
def with_token(server, tmp_path_factory):
    return run_collection(server, tmp_path_factory.mktemp("newman"), "TOKEN")


@pytest.mark.slow
def test_run_with_the_secret_sends_every_request(with_secret):
    assert not with_secret.failures, "\n".join(with_secret.failures)
    sent = [item["name"] for item in REQUESTS if is_sent(item, "jwt_secret", "metrics_token")]
    assert unique(with_secret.sent) == sent
    assert len(sent) == len(REQUESTS) - 1  # But for metrics that are off.


@pytest.mark.slow
def test_run_with_a_token_skips_what_needs_more(with_token):
    assert not with_token.failures, "\n".join(with_token.failures)
    sent = [item["name"] for item in REQUESTS if is_sent(item)]
    assert unique(with_token.sent) == sent
    assert 0 < len(REQUESTS) - len(sent) < 15


@pytest.mark.slow
def test_every_response_is_the_one_in_its_name(with_secret, with_token):
    for sent in with_secret.sent + with_token.sent:
        status, code, _ = NAME.fullmatch(sent.name).groups()
        assert (sent.status, sent.code) == (status, code), sent.name
        assert {f"status {status}", "X-Request-ID"} <= set(sent.checks), sent.name


@pytest.mark.slow
def test_own_tasks_are_left_alone_and_old_ones_removed(with_secret, with_token):
    assert with_secret.tasks == [[user.own] for user in with_secret.users]
    # With only a token of the first user, it cannot act as the second.
    user, second = with_token.users
    assert with_token.tasks == [[user.own], [second.left, second.own]]


@pytest.mark.slow
def test_every_route_is_shown(with_secret):
    routes = re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^` ]*)`", API)
    assert len(routes) > 10
    for method, template in routes:
        assert any(sent.is_success_of(method, template) for sent in with_secret.sent), f"{method} {template}"


@pytest.mark.slow
def test_every_operation_is_shown_with_every_parameter(with_secret, alice):
    document = alice.request("GET", "/openapi.json").json
    operations = [(path, method) for path, item in document["paths"].items() for method in item.keys() & METHODS]
    assert len(operations) >= 7
    for path, method in operations:
        shown = [sent for sent in with_secret.sent if sent.is_success_of(method.upper(), path)]
        assert shown, f"{method} {path}"
        described = [
            resolve(document, parameter) for parameter in document["paths"][path][method].get("parameters", [])
        ]
        parameters = {parameter["name"] for parameter in described if parameter["in"] in {"query", "header"}}
        # Every address takes a request id and a trace. One shows each for all.
        parameters -= {"X-Request-ID", "traceparent"}
        assert parameters <= set().union(*(sent.parameters for sent in shown)), f"{method} {path}"


@pytest.mark.slow
def test_every_error_is_shown(with_secret):
    documented = set(re.findall(r"^\| (\d{3}) \| `([A-Z_]+)` \|", API, re.MULTILINE))
    shown = {(sent.status, sent.code) for sent in with_secret.sent if sent.code}
    assert shown <= documented
    assert documented - shown <= NOT_BY_A_CLIENT


def schema_of(request, body):
    """The schema of a successful response."""
    path = request["url"] if isinstance(request["url"], str) else "/".join(request["url"]["path"])
    deleted, is_list = request["method"] == "DELETE", "pagination" in body
    if path.endswith("/tags"):
        if is_list:
            return tag_schemas.TagListEnvelope()
        return tag_schemas.RemovedTagEnvelope() if deleted else tag_schemas.RenamedTagEnvelope()
    if path.endswith("/stats"):
        return StatsEnvelope()
    if deleted:
        return response_schemas.DeletionEnvelope() if "/tasks/" in path else ErasureEnvelope()
    return response_schemas.TaskListEnvelope() if is_list else response_schemas.TaskEnvelope()


def test_examples_are_responses_of_the_service():
    """They show each operation, and the errors that no client can cause."""
    examples = [(item, example) for item in REQUESTS for example in item["response"]]
    errors = set()
    for item, example in examples:
        body = json.loads(example["body"])
        if example["code"] >= 400:
            errors.add((str(example["code"]), body["error"]["code"]))
            schema = ErrorEnvelope()
        else:
            schema = schema_of(item["request"], body)
        assert schema.validate(body) == {}, example["name"]
    assert errors == NOT_BY_A_CLIENT
    assert len([example for _, example in examples if example["code"] < 300]) == 12


def test_everything_is_described_and_named_once():
    names = [item["name"] for item in ITEMS]
    assert len(set(names)) == len(names)
    assert all(NAME.fullmatch(item["name"]) for item in REQUESTS)
    for item in [COLLECTION["info"], *ITEMS]:
        assert item.get("request", item)["description"].strip(), item["name"]


def test_files_are_written_by_hand_and_hold_no_secret():
    """No ids that change with every export, and no values of the last user."""
    for path in FILES:
        text = path.read_text()
        assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"
        assert not re.search(r'"(_postman_id|_exporter_id|_postman_exported\w+|id|uid)":', text)
    values = {value["key"]: value["value"] for value in ENVIRONMENT["values"]}
    assert values == {
        "base_url": "http://127.0.0.1:8000",
        "user_id": "demo",
        "token": "",
        "jwt_secret": "",
        "metrics_token": "",
    }
