"""Checks responses against the OpenAPI document: a status, field or header that it lacks fails the test."""

import json
import re
from functools import cache
from urllib.parse import unquote

from jsonschema import Draft202012Validator

from config import ROOT

DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text())
# The headers of the contract. If one is on a response, the document must have it there.
HEADERS = set(DOCUMENT["components"]["headers"])


def resolve(part):
    """A part of the document, or the component that it refers to."""
    while "$ref" in part:
        kind, name = part["$ref"].split("/")[2:]
        part = DOCUMENT["components"][kind][name]
    return part


@cache
def _paths():
    """Each path of the document as a pattern, those with the fewest parameters first."""
    patterns = [(re.sub(r"{\w+}", "[^/]+", path), item) for path, item in DOCUMENT["paths"].items()]
    return sorted(patterns, key=lambda pattern: pattern[0].count("["))


def find_operation(method, path):
    """The operation of a request, or None if the document has no such path or method."""
    path = unquote(path.partition("?")[0])  # As the server sees it.
    item = next((item for pattern, item in _paths() if re.fullmatch(pattern, path)), {})
    return item.get("get" if method == "HEAD" else method.lower())


def _closed(schema):
    """A schema whose objects have no other fields than it names: clients may meet more one day, our tests may not."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(part) for name, part in schema.items()}
    return {"additionalProperties": False, **closed} if "properties" in schema else closed


COMPONENTS = {"schemas": {name: _closed(schema) for name, schema in DOCUMENT["components"]["schemas"].items()}}


@cache
def _validator(schema):
    whole = {**json.loads(schema), "components": COMPONENTS}
    return Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)


def assert_documented(method, path, response):
    """The document has this response of the operation: its status, headers and body."""
    operation = find_operation(method, path)
    if operation is None:
        return
    assert str(response.status) in operation["responses"], f"{method} {path}: {response.status} is not documented"
    documented = resolve(operation["responses"][str(response.status)])

    headers = {name.lower(): resolve(header) for name, header in documented.get("headers", {}).items()}
    required = {name for name, header in headers.items() if header["required"]}
    found = {name.lower() for name in response.headers} & {name.lower() for name in HEADERS}
    assert required <= found <= headers.keys(), f"{method} {path}: {response.status} has headers {found}"
    for name in found:
        _validator(json.dumps(headers[name]["schema"])).validate(_header_value(headers[name], response.headers[name]))

    if method == "HEAD" or "content" not in documented:
        assert response.body == b""
        return
    content = documented["content"][response.headers["Content-Type"]]
    is_json = response.headers["Content-Type"] == "application/json"
    _validator(json.dumps(content["schema"])).validate(response.json if is_json else response.body.decode())
    if response.status >= 400:
        codes = {example["value"]["error"]["code"] for example in content["examples"].values()}
        assert response.error["code"] in codes, f"{method} {path}: {response.error['code']} is not documented"


def _header_value(header, text):
    return int(text) if header["schema"]["type"] == "integer" else text
