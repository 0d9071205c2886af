"""The adapters of docs/coming-from.md give clients of other services what they expect, and its tables hold."""

import json

import pytest

from tests.support.documents import code, read, rows, run_javascript, run_python, section
from tests.support.external import require_module, require_node_package
from tests.support.postgres import run_sql

PAGE = read("coming-from")
FILLED = 2100  # Tasks on three pages.
BLANK = "title: Missing data for required field."
# Each scenario prints, as JSON: a new task, the first of the list, the changed task, the confirmation of its deletion,
# two errors, and the numbers of tasks in the list, on a page of it, and in a filtered list.
FETCH = """
    const json = async (...request) => (await send(...request)).json();
    const send = (method, url, body) => taskFetch(url, {
      method, headers: { Authorization: `Bearer ${process.env.TOKEN}`, "Content-Type": "application/json" },
      ...(body && { body: JSON.stringify(body) }) });
    const fail = async (...request) => {
      const response = await send(...request), { detail, message, code } = await response.json();
      return [response.ok, response.status, detail, message, code];
    };
"""
AXIOS = """
    import axios from "axios";
    const { origin } = new URL(process.env.TASKS);
    const api = adapt(axios.create({ baseURL: origin, headers: { Authorization: `Bearer ${process.env.TOKEN}` } }));
    const json = async (method, url, data) => {
      const { pathname, searchParams } = new URL(url), params = Object.fromEntries(searchParams);
      const response = await api.request({ method, url: pathname, params, data });
      if (method !== "GET") return response.data;
      const { length } = (await api.get(url)).data;
      return length === response.data.length ? response.data : [length, response.data.length];
    };
    const fail = (method, url, data) => api.request({ method, url, data }).then(() => [true], (error) => {
      const { detail, message, code } = error.response.data;
      return [error.message !== detail, error.response.status, detail, message, code];
    });
"""
JAVASCRIPT = """
    const tasks = process.env.TASKS, task = await json("POST", tasks, { title: "Buy milk", due_date: "2026-12-24" });
    const [first] = await json("GET", tasks), changed = await json("PATCH", `${tasks}/${task.id}`, { completed: true });
    const deleted = await json("DELETE", `${tasks}/${task.id}`);
    const errors = [await fail("POST", tasks, {}), await fail("GET", `${tasks}/${task.id}`)];
    const counts = [];
    for (const query of ["", "?limit=50", "?status=completed&sort=title"])
      counts.push((await json("GET", tasks + query)).length);
    console.log(JSON.stringify({ task, first, changed, deleted, errors, counts }));
"""
PYTHON = """
import json, os

with TaskSession() as session:
    session.headers["Authorization"] = f"Bearer {os.environ['TOKEN']}"
    tasks = os.environ["TASKS"]
    task = session.post(tasks, json={"title": "Buy milk", "due_date": "2026-12-24"}).json()
    first = session.get(tasks).json()[0]
    changed = session.patch(f"{tasks}/{task['id']}", json={"completed": True}).json()
    deleted = session.delete(f"{tasks}/{task['id']}").json()
    errors = []
    for method, url, body in (("POST", tasks, {}), ("GET", f"{tasks}/{task['id']}", None)):
        response = session.request(method, url, json=body)
        error = response.json()
        try:
            response.raise_for_status()
        except requests.HTTPError as failure:
            assert error["message"] in str(failure)
        errors.append([response.ok, response.status_code, error["detail"], error["message"], error["code"]])
    counts = [len(session.get(tasks + query).json()) for query in ("", "?limit=50", "?status=completed&sort=title")]
    queries = (None, {"limit": 50}, {"status": "completed", "sort": "title"})
    assert counts == [len(session.get(tasks, params=params).json()) for params in queries]
    assert session.head(tasks).ok
print(json.dumps(dict(task=task, first=first, changed=changed, deleted=deleted, errors=errors, counts=counts)))
"""


@pytest.fixture
def user(alice, server, database_url):
    """The variables of a scenario, for a user with a list of several pages."""
    fill = (
        "INSERT INTO tasks (user_id, title, completed)"
        " SELECT %s, 'task ' || n, n %% 2 = 0 FROM generate_series(1, %s) AS n"
    )
    run_sql(database_url, fill, (alice.user_id, FILLED))
    return {"TASKS": server.url + alice.tasks, "TOKEN": alice.token}


def check(printed):
    outcome = json.loads(printed[-1])
    task, changed = outcome["task"], outcome["changed"]
    assert (task["title"], task["due_date"]) == ("Buy milk", "2026-12-24")
    assert outcome["first"] == task
    assert changed == task | {name: changed[name] for name in ("completed", "completed_at", "updated_at", "version")}
    assert changed["completed"] is True
    assert outcome["deleted"] == {"success": True, "message": "Task deleted successfully"}
    assert outcome["errors"] == [
        [False, 422, BLANK, BLANK, "VALIDATION_ERROR"],
        [False, 404, "Task not found.", "Task not found.", "TASK_NOT_FOUND"],
    ]
    assert outcome["counts"] == [FILLED, 50, FILLED // 2]


def test_adapter_of_fetch(user):
    check(run_javascript(code(section(PAGE, "fetch"), "js") + FETCH + JAVASCRIPT, **user))


def test_adapter_of_fetch_takes_what_fetch_takes(user):
    """A URL or a Request instead of a string, whose headers also apply to the following pages."""
    scenario = """
        const headers = { Authorization: `Bearer ${process.env.TOKEN}` }, counts = [];
        for (const query of ["", "?limit=50"]) {
          const url = new URL(process.env.TASKS + query);
          for (const response of [await taskFetch(url, { headers }), await taskFetch(new Request(url, { headers }))])
            counts.push((await response.json()).length);
        }
        console.log(JSON.stringify(counts));
    """
    printed = run_javascript(code(section(PAGE, "fetch"), "js") + scenario, **user)
    assert json.loads(printed[-1]) == [FILLED, FILLED, 50, 50]


def test_adapter_of_axios(user):
    require_node_package("axios")
    check(run_javascript(code(section(PAGE, "axios"), "js") + AXIOS + JAVASCRIPT, **user))


def test_adapter_of_requests(user):
    require_module("requests")
    check(run_python(code(section(PAGE, "requests"), "python") + PYTHON, **user))


def alternatives(cell):
    return [text.strip("`") for text in cell.split(" or ")]


@pytest.mark.parametrize(("elsewhere", "here"), rows(PAGE, "Other names for fields")[1:])
def test_fields_of_others_are_rejected_with_a_suggestion(alice, elsewhere, here):
    task = alice.create()
    for text in alternatives(elsewhere):
        body = json.loads(text)
        response = alice.patch(f"/{task['id']}", json=body)
        assert (response.status, list(response.error["details"])) == (422, list(body)), text
        own = next(iter(json.loads(here)))
        if own not in body:
            assert f"Did you mean {own}?" in response.error["message"]
    assert alice.patch(f"/{task['id']}", json=json.loads(here)).status == 200


@pytest.mark.parametrize(("elsewhere", "here"), rows(PAGE, "Other names for parameters")[1:])
def test_parameters_of_others_are_rejected(alice, elsewhere, here):
    for query in alternatives(elsewhere):
        assert alice.get(query).status == 422, query
    if here.startswith("?"):
        assert alice.get(here).status == 200
