"""The client that openapi-python-client generates has every operation. docs/clients.md has the life of a task."""

import importlib
import sys
from datetime import date
from http import HTTPStatus

import pytest

from tests.support.contract import DOCUMENT

pytestmark = pytest.mark.slow

USER_ID = "a user of the client"


@pytest.fixture(scope="module")
def package(clients):
    """The generated package, on the path."""
    sys.path.insert(0, str(clients / "clients" / "python"))
    yield clients / "clients" / "python" / "taskapp_client"
    sys.path.pop(0)


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


def test_priority_is_one_type(package):
    """As an enumeration with null, it was three types in each schema."""
    names = {path.stem for path in package.glob("models/*.py") if "priority" in path.stem}
    assert names == {"priority", "pending_by_priority", "filter_in_priority_type_0_item"}


def test_conditional_reads_and_lists_of_a_part(call):
    created = call("create_task", USER_ID, body=model("TaskIn")(title="Buy oat milk"))
    task = created.parsed.data
    assert created.headers["Location"].endswith(f"/tasks/{task.id}")
    tag = created.headers["ETag"]
    assert call("get_task", USER_ID, task.id, if_none_match=tag).status_code == HTTPStatus.NOT_MODIFIED

    described = call("update_task", USER_ID, task.id, body=model("TaskChangesIn")(description="One litre"))
    assert (described.parsed.data.title, described.parsed.data.description) == ("Buy oat milk", "One litre")
    cleared = call("patch_task", USER_ID, task.id, body=model("TaskChangesIn")(description=None))
    assert (cleared.parsed.data.title, cleared.parsed.data.description) == ("Buy oat milk", None)
    assert call("complete_task", USER_ID, task.id).parsed.data.completed is True
    reopened = call("complete_task", USER_ID, task.id, body=model("CompletionIn")(completed=False))
    assert reopened.parsed.data.completed is False

    listed = call("list_tasks", USER_ID, status="pending", q="OAT", limit=5).parsed
    assert listed.data == [reopened.parsed.data]
    filters = {"tags_none": "x,y", "created_from": task.created_at, "tagged": False, "priority": "none,high"}
    part = call("list_tasks", USER_ID, **filters, fields="title", count=True).parsed
    assert [(type(each), each.to_dict()) for each in part.data] == [
        (model("PartialTask"), {"id": task.id, "title": "Buy oat milk"})
    ]
    assert part.pagination.total == 1
    assert call("delete_task", USER_ID, task.id).parsed.data.success is True


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
