"""The statements on the log of changes. Each names the acting user, one of two layers of tenant isolation."""

from sqlalchemy import BigInteger, bindparam, true

from taskapp.db import db
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.changes.entries import entry_columns
from taskapp.tasks.changes.models import Change
from taskapp.tasks.models import Task
from taskapp.tasks.representation import selected

_page = (
    db.select(*entry_columns())
    .where(Change.user_id == ACTING_USER, Change.number >= bindparam("after", type_=BigInteger))
    .order_by(Change.number)
    .limit(bindparam("page_size"))
    .subquery("change")
)
# OFFSET keeps PostgreSQL from turning the lookups into a join with all tasks of the user, which statistics could cause.
_task = db.select(Task).where(Task.user_id == ACTING_USER, Task.id == _page.c.task_id).offset(0).lateral("task")
# The changes from number ``after`` on, in the order of numbers, each with its task as it is now; the columns of the
# task are null if it is gone.
LIST_CHANGES = (
    db.select(*_page.c, *selected(_task.c)).select_from(_page.outerjoin(_task, true())).order_by(_page.c.number)
)
