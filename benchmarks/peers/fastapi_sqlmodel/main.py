"""The service on FastAPI and SQLModel, written as in the tutorials of both."""

from typing import Annotated, Any

from dependencies import Owner, SessionDep
from fastapi import APIRouter, FastAPI, HTTPException, Query
from fastapi.exceptions import RequestValidationError
from models import (
    Completion,
    DeletionEnvelope,
    Task,
    TaskCreate,
    TaskEnvelope,
    TaskPage,
    TaskUpdate,
    now,
)
from pydantic import ValidationError
from sqlmodel import col, select

router = APIRouter(prefix="/api/{user_id}/tasks")


def find_task(session: SessionDep, owner: Owner, task_id: int) -> Task:
    """Return a task of the user.

    Raises:
        HTTPException: there is no such task.
    """
    task = session.exec(select(Task).where(Task.id == task_id, Task.user_id == owner)).first()
    if not task:
        raise HTTPException(status_code=404, detail="Task not found")
    return task


def save(session: SessionDep, task: Task) -> dict[str, Any]:
    """Save a task and return its new state."""
    task.completed_at = (task.completed_at or now()) if task.completed else None
    session.add(task)
    session.commit()
    session.refresh(task)
    return {"data": task}


@router.post("", response_model=TaskEnvelope, status_code=201)
def create_task(task: TaskCreate, session: SessionDep, owner: Owner) -> Any:
    """Create a task."""
    return save(session, Task.model_validate(task, update={"user_id": owner}))


@router.get("", response_model=TaskPage)
def list_tasks(
    session: SessionDep,
    owner: Owner,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    cursor: int | None = None,
) -> Any:
    """List tasks, newest first."""
    query = select(Task).where(Task.user_id == owner)
    if cursor is not None:
        query = query.where(col(Task.id) < cursor)
    tasks = session.exec(query.order_by(col(Task.id).desc()).limit(limit + 1)).all()
    next_cursor = str(tasks[limit - 1].id) if len(tasks) > limit else None
    return {"data": tasks[:limit], "pagination": {"limit": limit, "next_cursor": next_cursor}}


@router.get("/{task_id}", response_model=TaskEnvelope)
def get_task(task_id: int, session: SessionDep, owner: Owner) -> Any:
    """Get a task."""
    return {"data": find_task(session, owner, task_id)}


@router.put("/{task_id}", response_model=TaskEnvelope)
def update_task(task_id: int, changes: TaskUpdate, session: SessionDep, owner: Owner) -> Any:
    """Update a task. Omitted fields stay unchanged."""
    task = find_task(session, owner, task_id)
    task.sqlmodel_update(changes.model_dump(exclude_unset=True))
    try:
        TaskCreate.model_validate(task.model_dump())
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None
    return save(session, task)


@router.patch("/{task_id}/complete", response_model=TaskEnvelope)
def complete_task(task_id: int, session: SessionDep, owner: Owner, completion: Completion | None = None) -> Any:
    """Set whether a task is completed; without a body, turn it round."""
    task = find_task(session, owner, task_id)
    task.completed = completion.completed if completion else not task.completed
    return save(session, task)


@router.delete("/{task_id}", response_model=DeletionEnvelope)
def delete_task(task_id: int, session: SessionDep, owner: Owner) -> Any:
    """Delete a task."""
    session.delete(find_task(session, owner, task_id))
    session.commit()
    return {"data": {"success": True, "message": "Task deleted successfully"}}


app = FastAPI()
app.include_router(router)
