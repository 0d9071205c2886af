"""The forms of a page of a list: JSON, NDJSON and CSV. The header Accept chooses."""

import csv
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO, StringIO
from typing import Any, NamedTuple

import orjson

from taskapp.http.errors import InvalidInput
from taskapp.http.json_provider import OPTIONS
from taskapp.http.negotiation import preferred_type
from taskapp.http.request import Request
from taskapp.tasks.transfer.csv_columns import columns_of, to_cells

Tasks = Sequence[Mapping[str, Any]]
_BYTE_ORDER_MARK = "\ufeff"


def to_ndjson(tasks: Tasks, _fields: Sequence[str] = ()) -> bytes:
    """Return tasks as newline-delimited JSON, each as it is in a list (https://github.com/ndjson/ndjson-spec)."""
    # Each line is freed as soon as it is written. To keep them all for a join takes ten times as long.
    text, dumps = BytesIO(), orjson.dumps
    for task in tasks:
        text.write(dumps(task, None, OPTIONS))
    return text.getvalue()


def to_csv(tasks: Tasks, fields: Sequence[str], *, header: bool = True) -> bytes:
    """Return tasks as CSV (RFC 4180).

    Args:
        tasks: the fields of each task.
        fields: the names of the fields.
        header: whether to begin with the names of the columns.
    """
    text = StringIO(newline="")
    writer = csv.writer(text)  # By default as in RFC 4180, with CRLF.
    if header:
        writer.writerow(columns_of(fields))
    # orjson knows the form of times and days.
    writer.writerows(map(to_cells, orjson.loads(orjson.dumps(tasks, None, OPTIONS))))
    return text.getvalue().encode()


class Form(NamedTuple):
    """A form of a page that is not JSON.

    Attributes:
        content_type: the ``Content-Type`` of the response.
        file_name: the name under which browsers and curl store it.
        write: called with the tasks and the names of their fields; returns the body.
    """

    content_type: str
    file_name: str
    write: Callable[[Tasks, Sequence[str]], bytes]


def _with_mark(tasks: Tasks, fields: Sequence[str]) -> bytes:
    return _BYTE_ORDER_MARK.encode() + to_csv(tasks, fields)


NDJSON = Form("application/x-ndjson", "tasks.ndjson", to_ndjson)
CSV = Form("text/csv; charset=utf-8", "tasks.csv", to_csv)
_FORMS = {"application/json": None, "application/x-ndjson": NDJSON, "text/csv": CSV}
MEDIA_TYPES = tuple(_FORMS)


def read_form(request: Request, *, bom: bool = False) -> Form | None:
    """Return the form in which a client wants a list; None for JSON.

    Args:
        request: the request.
        bom: whether CSV begins with a byte order mark, by which Excel recognizes UTF-8.

    Raises:
        InvalidInput: the client wants a byte order mark, but not CSV.
    """
    form = _FORMS[preferred_type(request, MEDIA_TYPES)]
    if bom:
        if form is not CSV:
            raise InvalidInput(details={"bom": ["Needs the header Accept: text/csv."]})
        return form._replace(write=_with_mark)
    return form
