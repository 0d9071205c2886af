"""The parameters of each operation in the OpenAPI document."""

import re

from tests.support.contract import DOCUMENT
from tests.support.operations import CHANGES, FEED, OPERATIONS, STATS, TAGS, TASK, TASKS, TRASH, USER, WRITE

LIST_PARAMETERS = {
    *("status", "q", "due", "overdue", "time_zone", "priority", "tags_all", "tags_any", "tags_none", "tagged"),
    *(f"{name}_{end}" for name in ("due", "created", "updated", "completed") for end in ("from", "before")),
    *("sort", "fields", "limit", "cursor", "count", "as_of", "bom"),
}


def parameters_of(method, path):
    parameters = DOCUMENT["paths"][path][method]["parameters"]
    return [parameter.get("name") or parameter["$ref"].rpartition("/")[2] for parameter in parameters]


# The parameters of operations in addition to those in their paths.
PAGE = {"limit", "cursor"}
WRITE_HEADERS = {"If-Match", "Idempotency-Key"}
PARAMETERS = {
    ("get", TASKS): LIST_PARAMETERS,
    ("post", TASKS): {"Idempotency-Key"},
    ("get", TASK): {"If-None-Match"},
    ("put", TASK): {*WRITE_HEADERS, "Prefer"},
    ("patch", TASK): {*WRITE_HEADERS, "Prefer"},
    ("patch", TASK + "/complete"): {*WRITE_HEADERS, "Prefer"},
    ("delete", TASK): WRITE_HEADERS,
    ("get", STATS): {"time_zone", "from", "before"},
    ("get", TAGS): PAGE,
    ("patch", TAGS): {"name", "Idempotency-Key"},
    ("delete", TAGS): {"name", "Idempotency-Key"},
    ("get", CHANGES): {"after", "limit", "If-None-Match"},
    ("get", WRITE): PAGE,
    ("post", TASKS + "/bulk"): {"dry_run", "Idempotency-Key"},
    ("post", TASKS + "/import"): {"existing", "long_text", "dry_run", "Idempotency-Key"},
    ("post", WRITE + "/undo"): {"dry_run", "Idempotency-Key"},
    ("get", TASK + "/history"): PAGE,
    ("post", TASK + "/restore"): {"Idempotency-Key"},
    ("get", TRASH): PAGE,
    ("delete", USER): {"confirm"},
    ("get", FEED): {"If-None-Match"},
}


def test_document_has_every_parameter():
    for method, path in OPERATIONS:
        in_the_path = re.findall(r"{(\w+)}", path)
        expected = {"X-Request-ID", "traceparent", *in_the_path, *PARAMETERS.get((method, path), ())}
        names = parameters_of(method, path)
        assert len(names) == len(expected)
        assert set(names) == expected, (method, path)
        assert names[: len(in_the_path)] == in_the_path  # Where people look for them first.
