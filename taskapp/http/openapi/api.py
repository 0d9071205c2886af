"""flask-smorest's API, with what the service says of itself, its errors and its headers in the document."""

from copy import deepcopy
from pathlib import Path
from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask_smorest import Api as SmorestApi
from flask_smorest.spec.plugins import FlaskPlugin
from flask_smorest.utils import prepare_response
from marshmallow import Schema

from taskapp.http.openapi.blueprint import unwrap
from taskapp.http.openapi.responses import ERRORS, HEADERS, REQUEST_ID_PARAMETER, describe_error
from taskapp.http.openapi.schemas import ErrorEnvelope
from taskapp.http.version import VERSION

# For flask-smorest: what the document is, where it is, and what opens the operations in it.
SETTINGS: dict[str, Any] = {
    "API_TITLE": "taskapp",
    "API_VERSION": VERSION,
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/",
    "OPENAPI_JSON_PATH": "openapi.json",
    "API_SPEC_OPTIONS": {
        "info": {
            "summary": "A task service for many users.",
            "description": (Path(__file__).parent / "description.md").read_text(),
            "contact": {"name": "The people who run this service"},
        },
        "servers": [{"url": "/", "description": "The server that this document comes from."}],
        "components": {
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A JWT from the issuer that this service trusts. Here, without the word Bearer.",
                },
                "metrics": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The service's `METRICS_TOKEN`, for who collects the metrics. No user has it.",
                },
            }
        },
        "security": [{"bearer": []}],
    },
}


class Converter(OpenAPIConverter):
    """Describes schemas, with what a schema says of itself in ``json_schema`` and without undocumented fields."""

    def fields2jsonschema(self, fields: Any, **options: Any) -> dict[str, Any]:
        """Describe fields, but for those whose metadata has ``undocumented``."""
        documented = {name: field for name, field in fields.items() if not field.metadata.get("undocumented")}
        described: dict[str, Any] = super().fields2jsonschema(documented, **options)
        for field in described["properties"].values():
            field.pop("default", None)  # Generators of clients take what has one for required, or send it always.
        return described

    def schema2parameters(self, schema: Any, **options: Any) -> list[dict[str, Any]]:
        """Describe fields as parameters, but for those whose metadata has ``undocumented``."""
        hidden = {name for name, field in schema.fields.items() if field.metadata.get("undocumented")}
        parameters = [each for each in super().schema2parameters(schema, **options) if each["name"] not in hidden]
        for parameter in parameters:
            if parameter["schema"].get("default", ...) is None:
                del parameter["schema"]["default"]  # A query has no null: the parameter is absent.
        return parameters

    def schema2jsonschema(self, schema: Any) -> dict[str, Any]:
        """Describe a schema, by its docstring too."""
        described: dict[str, Any] = super().schema2jsonschema(schema)
        of_input = getattr(schema, "json_schema", None)
        if of_input is None:
            described.pop("additionalProperties", None)  # An answer may come to have more fields.
        return {"description": unwrap(schema.__doc__), **described, **(of_input or {})}


class PathPlugin(FlaskPlugin):
    """flask-smorest's plugin, with the parameters of a path where people look for them: first in each operation."""

    def path_helper(self, rule: Any, operations: Any, parameters: list[Any], **options: Any) -> str:
        """Name a path, and describe its parameters."""
        path: str = super().path_helper(rule, operations, parameters, **options)
        for operation in operations.values():
            operation["parameters"] = [*deepcopy(parameters), *operation.get("parameters", [])]
        parameters.clear()
        return path


class Plugin(MarshmallowPlugin):
    """apispec's plugin with our converter."""

    Converter = Converter


def _name(schema: Any) -> str:
    """Name a schema in the document: what goes out is simply itself."""
    cls = schema if isinstance(schema, type) else type(schema)
    return cls.__name__.removesuffix("Out")


class Api(SmorestApi):
    """flask-smorest's API, with the errors of ``taskapp.http.errors`` in its document and in its answers."""

    ERROR_SCHEMA: type[Schema] = ErrorEnvelope
    DEFAULT_ERROR_RESPONSE_NAME = None  # Every status is documented by its own.

    def __init__(self) -> None:
        plugins = {"flask_plugin": PathPlugin(), "marshmallow_plugin": Plugin(schema_name_resolver=_name)}
        super().__init__(spec_kwargs=plugins)

    def _register_responses(self) -> None:
        """Register what operations refer to: headers, and the answer of each error."""
        for name, header in HEADERS.items():
            self.spec.components.header(name, header, lazy=True)
        self.spec.components.parameter("X-Request-ID", "header", REQUEST_ID_PARAMETER, lazy=True)
        for status in ERRORS:
            response = {**describe_error(status), "schema": self.ERROR_SCHEMA}
            prepare_response(response, self.spec, self.DEFAULT_RESPONSE_CONTENT_TYPE)
            self.spec.components.response(status.name, response, lazy=True)

    def _register_error_handlers(self) -> None:
        """Leave errors to ``taskapp.http.errors``."""

    def _register_etag_headers(self) -> None:
        """Ours are in ``responses.HEADERS``."""

    def _register_pagination_header(self) -> None:
        """Pages are announced in the body, and by ``Link``."""
