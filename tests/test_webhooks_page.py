"""The receiver of docs/webhooks.md takes what the service signed, once, and nothing else."""

import base64
import re
import secrets

import pytest
from prometheus_client import generate_latest

from taskapp.tasks.webhooks.delivery.delivery import _MESSAGES
from taskapp.tasks.webhooks.delivery.metrics import Metrics
from tests.support.documents import printed_pattern, read, rows, run_shell, setup_for, shell_examples
from tests.support.webhook_receiver import PageReceiver, message, sign
from tests.support.webhooks import FIELDS, create

PAGE = read("webhooks")
SECRET = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
OTHER_SECRET = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
BODY = message("changes", 1)


@pytest.fixture
def receiver(tmp_path):
    with PageReceiver(tmp_path, SECRET) as receiver:
        yield receiver


def test_receiver_handles_each_change_once(receiver):
    for kind, numbers in (("changes", (4, 5)), ("changes", (4, 5)), ("changes", (5, 6)), ("reminder.due", (7,))):
        body = message(kind, *numbers)
        assert receiver.send(body, sign(SECRET, body)) == 204
    gone = message("changes.gone", restart="/api/u/tasks?sort=id&as_of=now")
    assert receiver.send(gone, sign(SECRET, gone)) == 204
    assert receiver.handled() == [
        "changes 4 updated 7",
        "changes 5 updated 7",
        "changes 6 updated 7",
        "reminder.due 7 updated 7",
        "read everything again: /api/u/tasks?sort=id&as_of=now",
    ]


def test_replayed_message_is_accepted_but_not_handled_again(receiver):
    headers = sign(SECRET, BODY)
    assert [receiver.send(BODY, headers) for _ in range(3)] == [204, 204, 204]
    assert receiver.handled() == ["changes 1 updated 7"]


FORGED = {
    "another secret": lambda: (BODY, sign(OTHER_SECRET, BODY)),
    "another body": lambda: (message("changes", 2), sign(SECRET, BODY)),
    "another id": lambda: (BODY, sign(SECRET, BODY) | {"webhook-id": "wh_1_2_2"}),
    "another version": lambda: (BODY, with_signature(lambda signature: signature.replace("v1,", "v2,"))),
    "no signature": lambda: (BODY, with_signature(lambda _: "v1")),
    "not base64": lambda: (BODY, with_signature(lambda _: "v1,%%%")),
    "not UTF-8": lambda: (b"\xff", sign(SECRET, BODY)),
    "no headers": lambda: (BODY, {}),
    **{
        f"without {name}": lambda name=name: (BODY, sign(SECRET, BODY) | {name: ""})
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    },
    "six minutes old": lambda: (BODY, sign(SECRET, BODY, age=360)),
    "from the future": lambda: (BODY, sign(SECRET, BODY, age=-360)),
}


def with_signature(change):
    headers = sign(SECRET, BODY)
    return headers | {"webhook-signature": change(headers["webhook-signature"])}


def test_forged_and_old_messages_are_refused(receiver):
    statuses = {name: receiver.send(*make()) for name, make in FORGED.items()}
    assert statuses == dict.fromkeys(FORGED, 401)
    assert receiver.handled() == []


def test_example_creates_a_webhook(server, alice):
    ((script, printed),) = shell_examples(PAGE)
    setup, _, command = script.partition("\n")
    output = run_shell(setup_for(setup, server, alice) + "\n" + command)
    shown = re.sub(r"whsec_\w+", "whsec_", printed).replace('"id": 7', '"id": …')
    assert re.fullmatch(printed_pattern(shown), output.strip()), output


def test_table_has_all_fields():
    fields = {name for row in rows(PAGE, "Create a webhook") for name in re.findall(r"\w+", row[0]) if name in FIELDS}
    assert fields | {"id", "url"} == FIELDS


def test_metrics_and_fields_of_the_log_are_explained(app):
    text = generate_latest(Metrics(app).registry).decode()
    names = {name for name in re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE) if not name.endswith("_created")}
    assert {name for name, *_ in rows(read("observe"), "Metrics of webhooks")} - {"metric"} == names
    log = {"user", "webhook", "status", "reason", "duration_ms", "attempt"}
    messages = {*_MESSAGES.values()}
    explained = {name.strip("`") for row in rows(read("observe"), "Webhooks") for name in row[0].split(", ")}
    assert explained - {"field", "message"} == log | messages


def test_routes_are_those_of_the_service(app):
    documented = set(re.findall(r"`(GET|POST|PATCH|DELETE) (/api/\{user_id\}/webhooks\S*)`", PAGE))
    routes = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule).replace("{webhook_id}", "{id}"))
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if "/webhooks" in rule.rule
    }
    assert documented == routes


def test_urls_of_the_table_are_refused(alice):
    *refused, last = rows(PAGE, "URLs that are refused")[1:]
    urls = [url for row in refused for url in re.findall(r"https?://[^`\s]+", row[1])]
    assert len(urls) == 8
    assert {url: create(alice, url=url).status for url in urls} == dict.fromkeys(urls, 422)
    assert last[2] == "at each call: the delivery fails"
