"""What a model is told when a call fails: sentences that name its arguments and what to send instead."""

import json
from http.server import BaseHTTPRequestHandler

import httpx2
import pytest

from taskapp.mcp.api import Api
from taskapp.mcp.server import Threads, make_server
from tests.support.agents import Agent
from tests.support.client import make_token
from tests.support.http_server import HttpServer, Quiet
from tests.support.ports import free_port

TOKEN = make_token("x" * 32, user_id="a")


@pytest.mark.parametrize(
    ("tool", "arguments", "sentences"),
    [
        (
            "add_tasks",
            {"tasks": [{"title": "t"}, {"title": "t", "due_date": "2026-11-27T00:00:00Z"}]},
            ["tasks.1.due_date: Must be a day, YYYY-MM-DD. A time goes into due_time, with time_zone."],
        ),
        ("add_tasks", {"tasks": [{"title": "t", "due_time": "9am"}]}, ["tasks.0.due_time: Must be a time, HH:MM"]),
        (
            "add_tasks",
            {"tasks": [{"title": "t", "priority": 1}]},
            ["priority: Must be one of: urgent, high, medium, low."],
        ),
        ("add_tasks", {"tasks": [{"title": "t", "priority": "p1"}]}, ["priority: Must be one of: urgent, high,"]),
        ("add_tasks", {"tasks": [{"title": "t", "tags": "a"}]}, ["tasks.0.tags: Must be an array."]),
        ("add_tasks", {"tasks": [{"title": ""}]}, ["tasks.0.title: Must be 1 to 255 characters"]),
        ("add_tasks", {"tasks": [{}]}, ["tasks.0.title: Is required."]),
        ("add_tasks", {"tasks": ["t"]}, ["tasks.0: Must be an object."]),
        ("add_tasks", {"tasks": '[{"title": "t"}]'}, ["tasks: Must be an array."]),
        ("add_tasks", {"tasks": []}, ["tasks: Must have 1 to 50 items."]),
        ("add_tasks", {"tasks": [{"title": "t"}] * 51}, ["tasks: Must have 1 to 50 items. Send more in several"]),
        ("add_tasks", {}, ["tasks: Is required."]),
        ("add_tasks", {"title": "t"}, ["title: Unknown. There are: tasks, request_id.", "tasks: Is required."]),
        (
            "add_tasks",
            {"tasks": [{"title": "t", "due_date": "2026-12-01", "recurrence": {"rule": "every Monday"}}]},
            ["tasks.0.recurrence.rule: "],
        ),
        ("add_tasks", {"tasks": [{"titel": "t"}]}, ["tasks.0.titel: Unknown. Did you mean title?"]),
        ("update_tasks", {"tasks": [{"id": 1, "completed": True}]}, ["completed: Unknown. Only complete_tasks"]),
        ("update_tasks", {"tasks": [{"id": "abc", "title": "t"}]}, ["tasks.0.id: Must be a whole number, such as 12."]),
        ("update_tasks", {"tasks": [{"id": 1}]}, ["tasks.0: Send at least one of title, description, priority,"]),
        ("update_tasks", {"tasks": [{"id": 1, "clear": ["title"]}]}, ["tasks.0.clear.0: Must be one of: description,"]),
        (
            "update_tasks",
            {"tasks": [{"id": 1, "due_date": "2026-12-01", "clear": ["due_date"]}]},
            ["tasks.0.clear: due_date cannot be set and cleared at once."],
        ),
        ("complete_tasks", {"ids": [1], "completed": "yes"}, ["completed: Must be true or false."]),
        ("complete_tasks", {"ids": 1}, ["ids: Must be an array."]),
        ("complete_tasks", {"ids": [True]}, ["ids.0: Must be a whole number"]),
        ("delete_tasks", {"ids": ["12", 12]}, ["ids.1: Is also the id of ids.0."]),
        ("delete_tasks", {"ids": [2**70]}, ["ids.0: "]),
        ("delete_tasks", {"ids": [10**9, 10**9 + 1]}, ["ids.0: There is no task", "ids.1: There is no task"]),
        ("undo_change", {"change": 10**9}, ["No write has this number"]),
        ("undo_change", {"change": -1}, [""]),
        ("find_tasks", {"query": "t"}, ["query: Unknown. There are: text, status,"]),
        ("find_tasks", {"status": "open"}, ["status: Must be one of: all, pending, completed."]),
        ("find_tasks", {"limit": 101}, ["limit: Must be from 1 to 100."]),
        ("find_tasks", {"priority": ["p1"]}, ["priority.0: Must be one of: urgent, high, medium, low, none."]),
        ("find_tasks", {"tags": ["a,b"]}, ["tags: Must not contain a comma."]),
        ("find_tasks", {"text": "x" * 201}, ["text: "]),
        ("find_tasks", {"due_from": "tomorrow"}, ["due_from: Must be a day without a time, YYYY-MM-DD."]),
        ("find_tasks", {"sort": "date"}, ["sort: Must be one of"]),
        ("find_tasks", {"cursor": "x"}, ["cursor: "]),
        ("get_overview", {"time_zone": "CEST"}, ["time_zone: "]),
        ("add_tasks", {"tasks": [{"title": "t", "tags": [1] * 30}]}, ["tags.19: Must be text.", "And 10 more errors."]),
        ("add_tasks", {"tasks": [{f"{n}" * 99: 1 for n in range(99)}]}, ["0000: Unknown.", "more errors."]),
        ("find_tasks", {"text": "x" * 70_000}, ["The arguments are too long."]),
        ("search", {}, ["There is no tool 'search' here. There are: find_tasks,"]),
    ],
)
def test_mistakes_of_models(agent, tool, arguments, sentences):
    said = agent.fail(tool, **arguments)
    assert [sentence for sentence in sentences if sentence not in said] == [], said
    assert said
    assert "operations" not in said


def test_numbers_as_text_are_accepted(agent):
    (task,) = agent.call("add_tasks", tasks=[{"title": "t"}])["tasks"]
    done = agent.call("complete_tasks", ids=[str(task["id"])], completed="true")
    changed = agent.call("update_tasks", tasks=[{"id": task["id"], "version": str(done["change"]), "title": "u"}])
    assert agent.call("undo_change", change=str(changed["change"]))["tasks"][0]["title"] == "t"


def test_a_conflict_has_the_task_as_it_is(agent):
    (task,) = agent.call("add_tasks", tasks=[{"title": "t"}])["tasks"]
    (now,) = agent.call("update_tasks", tasks=[{"id": task["id"], "title": "theirs"}])["tasks"]
    said = agent.fail("update_tasks", tasks=[{"id": task["id"], "version": task["version"], "title": "mine"}])
    assert "Nothing was changed." in said
    assert json.loads(said.split("The task as it is: ")[1]) == now


def test_a_rule_of_the_task_itself_names_the_field(agent):
    (task,) = agent.call("add_tasks", tasks=[{"title": "t"}])["tasks"]
    said = agent.fail("update_tasks", tasks=[{"id": task["id"], "due_time": "09:00"}])
    assert "tasks.0.due_time: Needs due_date and time_zone." in said
    assert '"title": "t"' in said


def test_an_undo_that_is_impossible_says_what_happened_to_the_tasks(agent):
    added = agent.call("add_tasks", tasks=[{"title": "t"}])
    agent.call("update_tasks", tasks=[{"id": added["tasks"][0]["id"], "title": "u"}])
    said = agent.fail("undo_change", change=added["change"])
    assert "Nothing was undone." in said
    assert "was changed since: title. The task as it is: {" in said
    agent.call("delete_tasks", ids=[added["tasks"][0]["id"]])
    assert f"Task {added['tasks'][0]['id']} no longer exists." in agent.fail("undo_change", change=added["change"])


def test_tasks_of_others_do_not_exist(make_agent):
    (task,) = make_agent().call("add_tasks", tasks=[{"title": "private"}])["tasks"]
    bob = make_agent()
    for tool, arguments in [
        ("update_tasks", {"tasks": [{"id": task["id"], "title": "t"}]}),
        ("complete_tasks", {"ids": [task["id"]]}),
        ("delete_tasks", {"ids": [task["id"]]}),
    ]:
        said = bob.fail(tool, **arguments)
        assert f"There is no task with the id {task['id']}." in said
        assert "private" not in said


def test_tokens_that_are_refused(make_agent, secret):
    expired = make_token(secret, {"sub": "a", "exp": 1})
    assert make_agent("a", token=expired).fail("find_tasks") == (
        "The token has expired. Only the user can change that: ask for another token, and do not call again with this"
        " one."
    )
    other = make_token(secret, user_id="b")
    assert make_agent("a", token=other).fail("find_tasks").startswith("The token belongs to another user.")


def test_a_token_that_can_only_read_is_told_what_is_missing(make_app, make_agent, secret):
    token = make_token(secret, {"sub": "a", "exp": 4_000_000_000, "scope": "tasks:read"})
    agent = make_agent("a", app=make_app(JWT_SCOPES="on"), token=token)
    assert agent.call("find_tasks")["total"] == 0
    said = agent.fail("add_tasks", tasks=[{"title": "t"}])
    assert said.startswith("The request requires the scope tasks:write, which the token does not have. Only the user")
    assert agent.call("find_tasks")["total"] == 0


def test_a_rate_limit_says_when_to_try_again(make_app, make_agent):
    agent = make_agent(app=make_app(RATE_LIMIT="1/hour"))
    agent.call("find_tasks")
    assert "Try again in " in agent.fail("find_tasks")


def agent_of(url, token=TOKEN, user_id="a"):
    api = Api(httpx2.Client(base_url=url), user_id, token)
    return Agent(make_server(lambda: api, None, Threads(1, 1), read_only=False))


def test_a_service_that_is_down():
    with agent_of(f"http://127.0.0.1:{free_port()}") as agent:
        assert agent.fail("find_tasks").startswith("The task service cannot be reached: ")


def test_a_database_that_is_down(make_app, make_agent):
    app = make_app(DATABASE_URL=f"postgresql://nobody@127.0.0.1:{free_port()}/none", REQUEST_TIMEOUT=0.2)
    said = make_agent(app=app).fail("add_tasks", tasks=[{"title": "t"}])
    assert "Try again in" in said
    assert "(request " in said


class Page(Quiet, BaseHTTPRequestHandler):
    """A page of somebody else; the first part of the path is its status."""

    def do_GET(self):
        self.server.tokens.append(self.headers["Authorization"])
        self.send_response(int(self.path.split("/")[1]))
        self.send_header("Location", f"http://localhost:{self.server.server_port}/200/moved")
        self.end_headers()
        self.wfile.write(b'{"hello": 1}')


class Elsewhere(HttpServer):
    handler = Page

    def __enter__(self):
        super().__enter__()
        self.tokens = self._server.tokens = []
        return self


class Lossy(Quiet, BaseHTTPRequestHandler):
    """Passes requests on to the service, and loses its first response."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        response = self.server.app.test_client().post(self.path, data=body, headers=dict(self.headers))
        self.server.statuses.append(response.status_code)
        if len(self.server.statuses) > 1:
            self.send_response(response.status_code)
            self.send_header("Idempotency-Replayed", response.headers["Idempotency-Replayed"])
            self.end_headers()
            self.wfile.write(response.data)


class LossyNetwork(HttpServer):
    handler = Lossy

    def __init__(self, app):
        self._app = app

    def __enter__(self):
        super().__enter__()
        self._server.app, self._server.statuses = self._app, []
        return self


@pytest.mark.parametrize(
    ("tool", "arguments"), [("add_tasks", {"tasks": [{"title": "t"}]}), ("delete_tasks", {"ids": [0]})]
)
def test_a_lost_response_is_fetched_by_the_same_key(app, secret, make_agent, tool, arguments):
    """And is no earlier call of the model, so there is no note."""
    user_id = f"lossy-{tool}"
    (task,) = make_agent(user_id).call("add_tasks", tasks=[{"title": "first"}])["tasks"]
    arguments = {"ids": [task["id"]]} if "ids" in arguments else arguments
    with LossyNetwork(app) as network, agent_of(network.url, make_token(secret, user_id=user_id), user_id) as agent:
        result = agent.call(tool, **arguments)
        assert network._server.statuses == [200, 200]
        assert "note" not in result


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_service_that_is_down_behind_a_proxy(status):
    with Elsewhere() as elsewhere, agent_of(f"{elsewhere.url}/{status}") as agent:
        assert agent.fail("find_tasks").startswith(f"The task service cannot be reached: status {status}. Nothing is")


@pytest.mark.parametrize("status", [200, 302, 401, 404, 500])
def test_what_is_not_the_service_is_named(status):
    """And gets the token only once: a redirect is not followed."""
    with Elsewhere() as elsewhere, agent_of(f"{elsewhere.url}/{status}") as agent:
        assert f"does not come from the task service (status {status})" in agent.fail("find_tasks")
        assert len(elsewhere.tokens) == 1
