"""The client of docs/sync.md: new tasks that the user changes at once, and answers of strangers."""

from http.server import BaseHTTPRequestHandler

import pytest

from tests.support.device import Device, NotNow, log_of, lost_responses
from tests.support.http_server import HttpServer, Quiet


@pytest.fixture
def device(server, alice, tmp_path):
    return Device(server.url, alice.user_id, alice.token, tmp_path / "copy.db")


def test_new_task_can_be_changed_and_deleted_before_it_is_sent(alice, device):
    first, second = device.create(title="first"), device.create(title="second")
    device.update(first, title="changed")  # One write with the line above.
    device.delete(second)
    assert [(task["id"], task["title"]) for task in device.tasks()] == [(None, "changed")]
    device.sync()
    assert [(entry["type"], entry["task_id"]) for entry in log_of(alice)] == [
        ("created", device.stored()[0]["id"]),
        *((kind, log_of(alice)[1]["task_id"]) for kind in ("created", "deleted")),
    ]
    assert [task["title"] for task in alice.get().data] == ["changed"]
    assert device.stored() == alice.get().data


def test_new_task_can_be_changed_while_it_is_on_its_way(alice, device):
    uid = device.create(title="new")
    with lost_responses(device), pytest.raises(NotNow):
        device.sync()
    device.update(uid, title="changed")
    device.update(uid, completed=True)
    assert [(task["title"], task["completed"]) for task in device.tasks()] == [("changed", True)]
    device.sync()
    assert [entry["type"] for entry in log_of(alice)] == ["created", "updated"]
    assert device.conflicts == device.reports == []
    assert device.stored() == alice.get().data


def test_later_writes_of_a_task_that_cannot_be_made_are_removed(device):
    uid = device.create(title="")
    device.chance = 1.0
    with pytest.raises(NotNow):
        device.sync()
    device.update(uid, completed=True)
    device.delete(uid)
    device.chance = 0.0
    device.create(title="good")
    device.sync()
    assert device.reports == [("POST", {"uid": uid, "title": ""}, "VALIDATION_ERROR")]
    assert [task["title"] for task in device.stored()] == ["good"]


class Stranger(HttpServer):
    """Answers in place of the service: a proxy, or the login page of a network."""

    class handler(Quiet, BaseHTTPRequestHandler):  # noqa: N801 # As in the base class.
        status, headers_sent = 200, ()

        def do_POST(self):
            self.send_response(self.status)
            for header in self.headers_sent:
                self.send_header(*header)
            self.end_headers()
            self.wfile.write(b"<h1>Not the service</h1>")


@pytest.mark.parametrize("answer", [(200, []), (404, []), (503, [("Retry-After", "Fri, 27 Nov 2026 07:28:00 GMT")])])
def test_write_stays_in_the_queue_if_somebody_else_answers(device, monkeypatch, answer):
    uid, url = device.create(title="new"), device.url
    monkeypatch.setattr(Stranger.handler, "status", answer[0])
    monkeypatch.setattr(Stranger.handler, "headers_sent", answer[1])
    with Stranger() as stranger:
        device.url = stranger.url + "/"
        with pytest.raises(NotNow):
            device.sync()
    device.url = url
    device.sync()
    assert [task["uid"] for task in device.stored()] == [uid]
    assert device.reports == []
