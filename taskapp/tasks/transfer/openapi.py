"""The OpenAPI parts of the import other than schemas."""

from typing import Any

from taskapp.http.openapi import QUOTA, headers

_UIDS = ("0b9e6f0e-6c0e-4b57-9d0a-6a4d1c0e8f11", "9b1f6a0e-4c7e-4a55-8a1d-2f4b1c7e3d90")
_NDJSON = (
    f'{{"uid": "{_UIDS[0]}", "title": "Buy milk", "tags": ["errand"], "due_date": "2026-12-24"}}\n'
    f'{{"uid": "{_UIDS[1]}", "title": "Call the bank", "completed": true, "completed_at": "2026-11-20T08:00:00Z"}}\n'
)
_CSV = (
    "uid,title,completed,tags,due_date\r\n"
    f'{_UIDS[0]},Buy milk,false,"errand,home",2026-12-24\r\n'
    f"{_UIDS[1]},Call the bank,true,,\r\n"
)
# With this format, the docs page lets people choose a file, and generated clients send one.
_TEXT = {"type": "string", "format": "binary"}
FILES: dict[str, Any] = {
    "application/x-ndjson": {
        "schema": {**_TEXT, "description": "A JSON object in each line, with the fields of a task as in responses."},
        "example": _NDJSON,
    },
    "text/csv": {
        "schema": {**_TEXT, "description": "The fields of a task in the first line, and a task in each other one."},
        "example": _CSV,
    },
}
IMPORTED: dict[str, Any] = {
    "description": "All lines were imported; or, with `dry_run=true`, they could be.",
    "example": {
        "data": {
            "change": 7,
            "dry_run": False,
            "created": 1,
            "updated": 0,
            "unchanged": 1,
            "skipped": 0,
            "lines": [
                {"line": 1, "id": 204, "result": "unchanged"},
                {"line": 2, "id": 205, "result": "created"},
            ],
        }
    },
    "headers": headers(*QUOTA, "Change", "Idempotency-Replayed"),
}
