"""The life of a few tasks with the generated Python client, from their creation to their deletion.

It reads ``TASKAPP_URL``, ``TASKAPP_USER`` and ``TASKAPP_TOKEN``. docs/clients.md says how to run it.
"""

import os
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, TypeVar
from uuid import uuid4

from retry import RetryTransport
from taskapp_client import AuthenticatedClient, models
from taskapp_client.api.bulk import write_tasks
from taskapp_client.api.changes import list_changes
from taskapp_client.api.statistics import get_statistics
from taskapp_client.api.tasks import complete_task, create_task, delete_task, get_task, list_tasks, patch_task
from taskapp_client.api.trash import list_deleted, restore_task
from taskapp_client.api.undo import undo_write
from taskapp_client.models import Task
from taskapp_client.types import UNSET, Response, Unset

ZONE = "Europe/Berlin"
DAY = date(2030, 1, 7)  # A Monday.
Body = TypeVar("Body")


class Failed(Exception):
    """The service returned an error.

    Args:
        body: the body of the response.

    Attributes:
        code: which error; see docs/api.md.
        details: more about it, or None.
    """

    def __init__(self, body: Any) -> None:
        error = body.error
        super().__init__(f"{error.code}: {error.message} (request {error.request_id})")
        self.code: str = error.code
        self.details: object = error.details or None


def expect(body: type[Body], response: Response[Any]) -> Body:
    """Return the body of a response.

    Raises:
        Failed: it is an error.
    """
    if isinstance(response.parsed, body):
        return response.parsed
    raise Failed(response.parsed)


def new_key() -> str:
    """Return an Idempotency-Key. Each write gets its own, and keeps it if it is sent again."""
    return str(uuid4())


def etag(task: Task) -> str:
    """Return the entity tag of a task."""
    return f'"{task.version}"'


class Tasks:
    """The tasks of a user.

    Args:
        client: the generated client.
        user: the user id.
    """

    def __init__(self, client: AuthenticatedClient, user: str) -> None:
        self.client, self.user = client, user

    def create(self, task: models.TaskIn) -> Task:
        """Create a task. It is not created twice, whatever happens to the response."""
        response = create_task.sync_detailed(self.user, client=self.client, body=task, idempotency_key=new_key())
        return expect(models.TaskEnvelope, response).data

    def create_many(self, titles: list[str], tag: str) -> None:
        """Create tasks in one write: all of them, or none."""
        body = models.OperationsIn(
            [models.CreateIn(op="create", title=title, tags=[tag], due_date=DAY) for title in titles]
        )
        response = write_tasks.sync_detailed(self.user, client=self.client, body=body, idempotency_key=new_key())
        expect(models.BulkEnvelope, response)

    def due_before(self, day: date, tag: str) -> Iterator[Task]:
        """Yield the pending tasks with a tag and a due date before a day, from all pages."""
        cursor: str | Unset | None = UNSET
        while cursor is not None:
            response = list_tasks.sync_detailed(
                self.user,
                client=self.client,
                status="pending",
                due_before=day,
                tags_any=tag,
                sort="due",
                limit=2,
                cursor=cursor,
            )
            page = expect(models.TaskListEnvelope, response)
            # Without the parameter `fields`, every task is whole.
            yield from (task for task in page.data if isinstance(task, Task))
            cursor = page.pagination.next_cursor

    def update(self, task: Task, changes: models.TaskChangesIn) -> Task:
        """Change a task that was read before.

        What others have changed since is kept, if it is not the same fields. Otherwise this asks what to do: here, our
        values win, but only over the values that we have seen.
        """
        while True:
            response = patch_task.sync_detailed(
                self.user,
                task.id,
                client=self.client,
                body=changes,
                if_match=etag(task),
                prefer="merge=disjoint",
                idempotency_key=new_key(),
            )
            if not isinstance(response.parsed, models.ChangedTaskEnvelope):
                return expect(models.TaskEnvelope, response).data
            details = response.parsed.error.details
            print("412: others have changed", ", ".join(details.changed or ["something"]), "of", details.current.title)
            task = details.current

    def complete(self, task: Task) -> tuple[models.TaskEnvelope, int]:
        """Complete a task. Return it, with the next occurrence if there is one; and the number of the write."""
        response = complete_task.sync_detailed(
            self.user,
            task.id,
            client=self.client,
            body=models.CompletionIn(completed=True),
            if_match=etag(task),
            idempotency_key=new_key(),
        )
        return expect(models.TaskEnvelope, response), int(response.headers["Change"])

    def undo(self, write: int) -> None:
        """Take back a write."""
        response = undo_write.sync_detailed(self.user, write, client=self.client, idempotency_key=new_key())
        expect(models.UndoEnvelope, response)

    def get(self, task_id: int) -> Task:
        """Get a task."""
        return expect(models.TaskEnvelope, get_task.sync_detailed(self.user, task_id, client=self.client)).data

    def delete(self, task: Task) -> None:
        """Delete a task, if it is still as it was read."""
        response = delete_task.sync_detailed(
            self.user, task.id, client=self.client, if_match=etag(task), idempotency_key=new_key()
        )
        expect(models.DeletionEnvelope, response)

    def restore(self, task_id: int) -> Task:
        """Take a task out of the trash."""
        response = restore_task.sync_detailed(self.user, task_id, client=self.client, idempotency_key=new_key())
        return expect(models.TaskEnvelope, response).data

    def changes_after(self, number: int) -> Iterator[models.FeedEntry]:
        """Yield all changes after a number, in order."""
        more = True
        while more:
            response = list_changes.sync_detailed(self.user, client=self.client, after=number, limit=5)
            page = expect(models.FeedEnvelope, response)
            yield from page.data
            number, more = page.pagination.after, page.pagination.more

    def delete_all(self) -> None:
        """Delete all tasks in one write, at most 100."""
        body = models.DeleteMatchingIn(op="delete", filter_=models.FilterIn(status="all"), max_affected=100)
        response = write_tasks.sync_detailed(self.user, client=self.client, body=body, idempotency_key=new_key())
        expect(models.BulkEnvelope, response)


def live(tasks: Tasks) -> None:
    """Do everything once, and print what happens."""
    plants = tasks.create(
        models.TaskIn(
            title="Water the plants",
            description="Not the cactus",
            due_date=DAY,
            due_time="18:30",
            time_zone=ZONE,
            priority="high",
            tags=["home"],
            recurrence=models.RecurrenceIn(rule="FREQ=WEEKLY"),
            reminder=models.ReminderIn(minutes_before=30),
        )
    )
    assert plants.recurrence
    print("created:", plants.title, "due", plants.due_date, plants.due_time, "next", plants.recurrence.next_)

    tasks.create_many(["Buy milk", "Call the bank", "Pay the rent"], "home")
    found = [task.title for task in tasks.due_before(DAY + timedelta(days=7), "home")]
    print("found on several pages:", ", ".join(found))

    tasks.update(plants, models.TaskChangesIn(title="Water all plants"))
    merged = tasks.update(plants, models.TaskChangesIn(priority="low"))  # Still has the first version: another field.
    print("merged:", merged.title, merged.priority)
    won = tasks.update(plants, models.TaskChangesIn(title="Water the ferns"))  # The same field.
    print("won:", won.title)

    completed, write = tasks.complete(won)
    print("next occurrence:", completed.next_.due_date if completed.next_ else None)
    tasks.undo(write)
    task = tasks.get(won.id)
    print("undone:", "completed" if task.completed else "pending")

    tasks.delete(task)
    trash = expect(models.TrashEnvelope, list_deleted.sync_detailed(tasks.user, client=tasks.client)).data
    print("in the trash:", ", ".join(each.title for each in trash if each.id == task.id))
    print("restored:", tasks.restore(task.id).title)

    kinds = [change.type_ for change in tasks.changes_after(plants.version - 1) if change.task_id == task.id]
    print("changes:", ", ".join(kinds))
    stats = get_statistics.sync_detailed(tasks.user, client=tasks.client, time_zone=ZONE)
    print("pending:", expect(models.StatsEnvelope, stats).data.pending)

    tasks.delete_all()
    try:
        tasks.get(task.id)
    except Failed as error:
        if error.code != "TASK_NOT_FOUND":
            raise
        print("gone:", error.code)


def main() -> None:
    """Connect, and live."""
    with AuthenticatedClient(
        base_url=os.environ["TASKAPP_URL"],
        token=os.environ["TASKAPP_TOKEN"],
        raise_on_unexpected_status=True,
        httpx_args={"transport": RetryTransport()},
    ) as client:
        live(Tasks(client, os.environ["TASKAPP_USER"]))


if __name__ == "__main__":
    main()
