"""One write passes eight modules, one way; docs/development.md shows the same way in a picture."""

import sys
from contextlib import contextmanager

import pytest

from tests.support.client import make_token

PATH = [
    "taskapp.http.app",
    "taskapp.auth.guard",
    "taskapp.http.input",
    "taskapp.http.input_schema",
    "taskapp.tasks.views",
    "taskapp.tasks.service",
    "taskapp.tasks.writes",
    "taskapp.db.execute",
]


def module_of(frame):
    """The nearest module of taskapp on the stack, from a frame outwards; None if there is none."""
    while frame:
        name = frame.f_globals.get("__name__", "")
        if name.startswith("taskapp"):
            return name
        frame = frame.f_back
    return None


@contextmanager
def traced_calls():
    """Collects each call from one module of taskapp into another, in order."""
    calls = []

    def record(frame, event, _):
        callee = frame.f_globals.get("__name__", "")
        if event == "call" and callee.startswith("taskapp"):
            caller = module_of(frame.f_back)
            if caller and caller != callee:
                calls.append((caller, callee))

    sys.setprofile(record)
    try:
        yield calls
    finally:
        sys.setprofile(None)


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_write_passes_eight_modules_one_way(app, secret, method):
    http = app.test_client()
    headers = {"Authorization": f"Bearer {make_token(secret, user_id='traced')}"}
    path = "/api/traced/tasks"
    created = http.post(path, json={"title": "first"}, headers=headers).json["data"]
    url = path if method == "POST" else f"{path}/{created['id']}"
    changes = {"title": "second", "description": None, "completed": True}

    def write():
        response = http.open(url, method=method, json=changes, headers=headers)
        assert response.status_code in {200, 201}

    write()  # Builds the statement.
    with traced_calls() as calls:
        write()
    # A module that calls no other is a leaf, such as schemas, queries and models.
    passed = list(dict.fromkeys(caller for caller, _ in calls))
    assert passed == PATH
    steps = [(PATH.index(caller), PATH.index(callee)) for caller, callee in calls if callee in PATH]
    assert all(caller < callee for caller, callee in steps)
