"""A flask-smorest API that adds the service's description, errors and headers to the document."""

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask import current_app
from flask_smorest import Api as SmorestApi
from flask_smorest.spec.plugins import FlaskPlugin
from flask_smorest.utils import prepare_response
from marshmallow import Schema

from taskapp.http.error_body import name_of
from taskapp.http.openapi.blueprint import unwrap
from taskapp.http.openapi.responses import (
    ERRORS,
    HEADERS,
    REQUEST_ID_PARAMETER,
    TRACEPARENT_PARAMETER,
    describe_error,
)
from taskapp.http.openapi.schemas import ErrorEnvelope
from taskapp.http.request import current_request
from taskapp.http.version import VERSION

# For flask-smorest: the metadata of the document, its URL, and the security schemes of its operations.
SETTINGS: dict[str, Any] = {
    "API_TITLE": "taskapp",
    "API_VERSION": VERSION,
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/",
    "OPENAPI_JSON_PATH": "openapi.json",
    "API_SPEC_OPTIONS": {
        "info": {
            "summary": "A multi-user task service.",
            "description": (Path(__file__).parent / "description.md").read_text(),
            "contact": {"name": "The people who run this service"},
        },
        "servers": [{"url": "/", "description": "The server that served this document."}],
        "components": {
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A JWT from the issuer that this service trusts. Enter it without `Bearer`. "
                    "If the service checks scopes, the claim `scope` must contain `tasks:read` for GET and HEAD, and "
                    "`tasks:write` for everything else. `tasks:write` includes `tasks:read`.",
                },
                "metrics": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The `METRICS_TOKEN` of the service. User tokens are not accepted.",
                },
            }
        },
        "security": [{"bearer": []}],
    },
}


class Converter(OpenAPIConverter):
    """Describes schemas, adding their ``json_schema`` and omitting undocumented fields."""

    def field2property(self, field: Any) -> dict[str, Any]:
        """Describe a field. If it has an ``enum_name``, its values are a component of this name.

        A generated client then has one type for them. Values together with ``null`` would be several types.
        """
        described: dict[str, Any] = super().field2property(field)
        name = getattr(field, "enum_name", None)
        if name is None:
            return described
        values = [value for value in described.pop("enum") if value is not None]
        if name not in self.spec.components.schemas:
            self.spec.components.schema(name, {"type": "string", "enum": values})
        del described["type"]
        null = [{"type": "null"}] if field.allow_none else []
        return {**described, "anyOf": [{"$ref": f"#/components/schemas/{name}"}, *null]}

    def fields2jsonschema(self, fields: Any, **options: Any) -> dict[str, Any]:
        """Describe all fields except those with ``undocumented`` in their metadata."""
        documented = {name: field for name, field in fields.items() if not field.metadata.get("undocumented")}
        described: dict[str, Any] = super().fields2jsonschema(documented, **options)
        for field in described["properties"].values():
            field.pop("default", None)  # Client generators treat such a field as required, or always send it.
        return described

    def schema2parameters(self, schema: Any, **options: Any) -> list[dict[str, Any]]:
        """Describe all fields except those with ``undocumented`` in their metadata as parameters."""
        hidden = {name for name, field in schema.fields.items() if field.metadata.get("undocumented")}
        parameters = [each for each in super().schema2parameters(schema, **options) if each["name"] not in hidden]
        for parameter in parameters:
            if parameter["schema"].get("default", ...) is None:
                del parameter["schema"]["default"]  # A query string has no null. The parameter is absent.
        return parameters

    def schema2jsonschema(self, schema: Any) -> dict[str, Any]:
        """Describe a schema, with its docstring as the description."""
        if alternatives := getattr(schema, "alternatives", ()):
            return {"description": unwrap(schema.__doc__), **self._combine(schema, alternatives)}
        described: dict[str, Any] = super().schema2jsonschema(schema)
        of_input = getattr(schema, "json_schema", None)
        if of_input is None:
            described.pop("additionalProperties", None)  # A later version may add fields to a response.
        return {"description": unwrap(schema.__doc__), **described, **(of_input or {})}

    def _combine(self, schema: Any, alternatives: Sequence[type[Schema]]) -> dict[str, Any]:
        """Describe a schema that is one of others, with the field that says which, if there is one."""
        references = [self.resolve_nested_schema(each) for each in alternatives]
        if not hasattr(schema, "discriminator"):
            return {getattr(schema, "combination", "oneOf"): references}
        mapping = {name: self.resolve_nested_schema(each)["$ref"] for name, each in schema.names.items()}
        return {"oneOf": references, "discriminator": {"propertyName": schema.discriminator, "mapping": mapping}}


class PathPlugin(FlaskPlugin):
    """A flask-smorest plugin that lists path parameters first in each operation."""

    def path_helper(self, rule: Any, operations: Any, parameters: list[Any], **options: Any) -> str:
        """Return the path and add its parameters to each operation."""
        path: str = super().path_helper(rule, operations, parameters, **options)
        for operation in operations.values():
            operation["parameters"] = [*deepcopy(parameters), *operation.get("parameters", [])]
        parameters.clear()
        return path


class Plugin(MarshmallowPlugin):
    """The apispec plugin with the converter above."""

    Converter = Converter


def _name(schema: Any) -> str:
    """Return the name of a schema in the document. Response schemas lose the suffix ``Out``."""
    cls = schema if isinstance(schema, type) else type(schema)
    return cls.__name__.removesuffix("Out")


class Api(SmorestApi):
    """A flask-smorest API that documents and returns the errors of ``taskapp.http.errors``."""

    ERROR_SCHEMA: type[Schema] = ErrorEnvelope
    DEFAULT_ERROR_RESPONSE_NAME = None  # Every status has its own documentation.

    def __init__(self) -> None:
        plugins = {"flask_plugin": PathPlugin(), "marshmallow_plugin": Plugin(schema_name_resolver=_name)}
        super().__init__(spec_kwargs=plugins)

    def _register_responses(self) -> None:
        """Register the components that operations refer to: headers, parameters and error responses."""
        for name, header in HEADERS.items():
            self.spec.components.header(name, header, lazy=True)
        self.spec.components.parameter("X-Request-ID", "header", REQUEST_ID_PARAMETER, lazy=True)
        self.spec.components.parameter("traceparent", "header", TRACEPARENT_PARAMETER, lazy=True)
        for status in ERRORS:
            response = {**describe_error(status), "schema": self.ERROR_SCHEMA}
            prepare_response(response, self.spec, self.DEFAULT_RESPONSE_CONTENT_TYPE)
            self.spec.components.response(name_of(status), response, lazy=True)

    def _openapi_json(self) -> Any:
        """Serve the document. Its server is the service under the prefix of the request."""
        document = self.spec.to_dict()
        document["servers"] = [{**document["servers"][0], "url": current_request().prefix or "/"}]
        return current_app.response_class(current_app.json.dumps(document, indent=2), mimetype="application/json")

    def _register_error_handlers(self) -> None:
        """Register none: ``taskapp.http.errors`` handles errors."""

    def _register_etag_headers(self) -> None:
        """Register none: ``responses.HEADERS`` has them."""

    def _register_pagination_header(self) -> None:
        """Register none: pagination uses the body and ``Link``."""
