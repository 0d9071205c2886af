"""Writes with an Idempotency-Key, and the check of a retry."""

WRITES = {
    "POST": ("POST", "", {"json": {"title": "once", "description": "🙂", "completed": True}}),
    "PUT": ("PUT", "/{}", {"json": {"title": "changed"}}),
    "PATCH": ("PATCH", "/{}", {"json": {"description": "changed"}}),
    "complete": ("PATCH", "/{}/complete", {"json": {"completed": True}}),
    "toggle": ("PATCH", "/{}/complete", {}),
    "DELETE": ("DELETE", "/{}", {}),
}


def write(client, operation, task_id, key, **headers):
    method, path, options = operation
    return client.request(
        method, client.tasks + path.format(task_id), headers={"Idempotency-Key": key, **headers}, **options
    )


def assert_replayed(first, again):
    """The second response is the first, marked as a replay."""
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Location"] == first.headers["Location"]
    assert first.headers["Idempotency-Replayed"] is None
    assert again.headers["Idempotency-Replayed"] == "true"
