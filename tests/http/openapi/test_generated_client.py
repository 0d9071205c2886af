"""The client that openapi-python-client generates: it is complete, and every operation works."""

import importlib
import os
import subprocess
import sys
from datetime import date
from http import HTTPStatus
from pathlib import Path

import pytest

from config import ROOT
from tests.support.contract import DOCUMENT
from tests.support.external import require_module

USER_ID = "a user of the client"
# It knows no files of text in bodies.
CONFIG = """
content_type_overrides:
  application/x-ndjson: application/octet-stream
  text/csv: application/octet-stream
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """Make the client, and have it on the path."""
    require_module("openapi_python_client")
    folder = tmp_path_factory.mktemp("client")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"]
    command += ["--path", ROOT / "docs" / "openapi.json", "--output-path", folder / "taskapp_client"]
    (folder / "config.yaml").write_text(CONFIG)
    command += ["--config", folder / "config.yaml"]
    # It formats its output with ruff, which is in the folder of Python.
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    result = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    sys.path.insert(0, str(folder))
    yield folder / "taskapp_client"
    sys.path.remove(str(folder))


@pytest.fixture
def call(package, server, new_client):  # noqa: ARG001 # The package is imported below.
    """Calls an operation of the generated client by its name, as a user."""
    token = new_client(USER_ID).token
    client_class = importlib.import_module("taskapp_client").AuthenticatedClient
    with client_class(base_url=server.url, token=token) as client:

        def call(operation, *arguments, tag="tasks", **options):
            module = importlib.import_module(f"taskapp_client.api.{tag}.{operation}")
            return module.sync_detailed(*arguments, client=client, **options)

        yield call


def model(name):
    return getattr(importlib.import_module("taskapp_client.models"), name)


@pytest.mark.slow
def test_every_operation_is_a_function(package):
    operations = {
        (operation["tags"][0], operation["operationId"])
        for item in DOCUMENT["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
    }
    assert operations == {
        (path.parent.name, path.stem) for path in package.glob("api/*/*.py") if path.name != "__init__.py"
    }


@pytest.mark.slow
def test_types_of_the_generated_code_agree(package):
    """The types of the code that is generated from the document agree; the rest is the same in every client."""
    command = [sys.executable, "-m", "mypy", "--config-file", os.devnull, "--follow-imports", "silent"]
    command += [package / "api", package / "models"]
    result = subprocess.run(command, cwd=package.parent, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_the_life_of_a_task(call):
    created = call("create_task", USER_ID, body=model("TaskIn")(title="Buy milk"), idempotency_key="first")
    assert created.status_code == HTTPStatus.CREATED
    task = created.parsed.data
    assert (task.user_id, task.title, task.description, task.completed) == (USER_ID, "Buy milk", None, False)
    assert created.headers["Location"].endswith(f"/tasks/{task.id}")
    again = call("create_task", USER_ID, body=model("TaskIn")(title="Buy milk"), idempotency_key="first")
    assert again.parsed.data == task

    assert call("get_task", USER_ID, task.id).parsed.data == task
    tag = created.headers["ETag"]
    assert call("get_task", USER_ID, task.id, if_none_match=tag).status_code == HTTPStatus.NOT_MODIFIED

    changes = model("TaskChangesIn")(title="Buy oat milk", description="One litre")
    changed = call("update_task", USER_ID, task.id, body=changes, if_match=tag).parsed.data
    assert (changed.title, changed.description) == ("Buy oat milk", "One litre")
    stale = call("update_task", USER_ID, task.id, body=changes, if_match=tag)
    assert stale.status_code == HTTPStatus.PRECONDITION_FAILED
    assert stale.parsed.error.details.current == changed

    cleared = call("patch_task", USER_ID, task.id, body=model("TaskChangesIn")(description=None)).parsed.data
    assert (cleared.title, cleared.description) == ("Buy oat milk", None)
    assert call("complete_task", USER_ID, task.id).parsed.data.completed is True
    reopened = call("complete_task", USER_ID, task.id, body=model("CompletionIn")(completed=False)).parsed.data
    assert reopened.completed is False

    listed = call("list_tasks", USER_ID, status=model("ListTasksStatus").PENDING, q="OAT", limit=5).parsed
    assert [each.id for each in listed.data] == [task.id]
    assert (listed.pagination.limit, listed.pagination.next_cursor) == (5, None)

    filters = {"tags_none": "x,y", "created_from": task.created_at, "tagged": False, "priority": "none,high"}
    part = call("list_tasks", USER_ID, **filters, fields="title", count=True).parsed
    assert [each.to_dict() for each in part.data] == [{"id": task.id, "title": "Buy oat milk"}]
    assert part.pagination.total == 1

    assert call("delete_task", USER_ID, task.id).parsed.data.success is True
    gone = call("get_task", USER_ID, task.id)
    assert (gone.status_code, gone.parsed.error.code) == (HTTPStatus.NOT_FOUND, "TASK_NOT_FOUND")


def test_tags_and_statistics(call):
    task = call("create_task", USER_ID, body=model("TaskIn")(title="x", tags=["a/b"])).parsed.data
    (tag,) = call("list_tags", USER_ID, tag="tags", limit=5).parsed.data
    assert (tag.name, tag.pending, tag.total) == ("a/b", 1, 1)
    renamed = call("rename_tag", USER_ID, tag="tags", name="a/b", body=model("TagIn")(name="c"), idempotency_key="k")
    assert (renamed.parsed.data.name, renamed.parsed.data.tasks) == ("c", 1)
    assert call("remove_tag", USER_ID, tag="tags", name="c").parsed.data.tasks == 1
    assert call("remove_tag", USER_ID, tag="tags", name="c").parsed.error.code == "TAG_NOT_FOUND"
    day = date(2026, 11, 1)
    days = {"from_": day, "before": date(2026, 11, 2)}
    counts = call("get_statistics", USER_ID, tag="statistics", time_zone="Europe/Berlin", **days).parsed.data
    assert (counts.total, counts.pending_by_priority.none) == (1, 1)
    assert [(each.date, each.created, each.completed) for each in counts.days] == [(day, 0, 0)]
    assert call("delete_task", USER_ID, task.id).parsed.data.success is True


def test_errors_are_typed_too(call):
    refused = call("create_task", USER_ID, body=model("TaskIn")(title="  "))
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert refused.parsed.error.details["title"] == ["Must be 1 to 255 characters, excluding surrounding white space."]
    assert call("list_tasks", "another").parsed.error.code == "FORBIDDEN"
