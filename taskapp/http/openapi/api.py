"""flask-smorest's API, with the service's description, error responses and headers in the document."""

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

# The settings of flask-smorest: the metadata and the URL of the document, and the authentication schemes.
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
    """Converts schemas to JSON Schema. Adds the keywords of ``json_schema``, and omits undocumented fields."""

    def fields2jsonschema(self, fields: Any, **options: Any) -> dict[str, Any]:
        """Convert the fields of a schema, except those with ``undocumented`` in their metadata."""
        documented = {name: field for name, field in fields.items() if not field.metadata.get("undocumented")}
        described: dict[str, Any] = super().fields2jsonschema(documented, **options)
        for field in described["properties"].values():
            field.pop("default", None)  # Client generators make fields with a default required, or always send them.
        return described

    def schema2parameters(self, schema: Any, **options: Any) -> list[dict[str, Any]]:
        """Convert fields to parameters, except those with ``undocumented`` in their metadata."""
        hidden = {name for name, field in schema.fields.items() if field.metadata.get("undocumented")}
        parameters = [each for each in super().schema2parameters(schema, **options) if each["name"] not in hidden]
        for parameter in parameters:
            if parameter["schema"].get("default", ...) is None:
                del parameter["schema"]["default"]  # A query string has no null.
        return parameters

    def schema2jsonschema(self, schema: Any) -> dict[str, Any]:
        """Convert a schema, with its docstring as the description."""
        described: dict[str, Any] = super().schema2jsonschema(schema)
        of_input = getattr(schema, "json_schema", None)
        if of_input is None:
            described.pop("additionalProperties", None)  # Later versions may add fields to responses.
        return {"description": unwrap(schema.__doc__), **described, **(of_input or {})}


class PathPlugin(FlaskPlugin):
    """flask-smorest's plugin, with the path parameters as the first parameters of each operation."""

    def path_helper(self, rule: Any, operations: Any, parameters: list[Any], **options: Any) -> str:
        """Return a path, and add its parameters to the operations."""
        path: str = super().path_helper(rule, operations, parameters, **options)
        for operation in operations.values():
            operation["parameters"] = [*deepcopy(parameters), *operation.get("parameters", [])]
        parameters.clear()
        return path


class Plugin(MarshmallowPlugin):
    """apispec's plugin with our converter."""

    Converter = Converter


def _name(schema: Any) -> str:
    """Return the name of a schema in the document, without the suffix of output schemas."""
    cls = schema if isinstance(schema, type) else type(schema)
    return cls.__name__.removesuffix("Out")


class Api(SmorestApi):
    """flask-smorest's API, which leaves errors to ``taskapp.http.errors`` and documents their responses."""

    ERROR_SCHEMA: type[Schema] = ErrorEnvelope
    DEFAULT_ERROR_RESPONSE_NAME = None  # Every error status is documented separately.

    def __init__(self) -> None:
        plugins = {"flask_plugin": PathPlugin(), "marshmallow_plugin": Plugin(schema_name_resolver=_name)}
        super().__init__(spec_kwargs=plugins)

    def _register_responses(self) -> None:
        """Register the components that operations refer to: headers, and a response for each error status."""
        for name, header in HEADERS.items():
            self.spec.components.header(name, header, lazy=True)
        self.spec.components.parameter("X-Request-ID", "header", REQUEST_ID_PARAMETER, lazy=True)
        for status in ERRORS:
            response = {**describe_error(status), "schema": self.ERROR_SCHEMA}
            prepare_response(response, self.spec, self.DEFAULT_RESPONSE_CONTENT_TYPE)
            self.spec.components.response(status.name, response, lazy=True)

    def _register_error_handlers(self) -> None:
        """Do nothing; ``taskapp.http.errors`` handles errors."""

    def _register_etag_headers(self) -> None:
        """Do nothing; the headers are in ``responses.HEADERS``."""

    def _register_pagination_header(self) -> None:
        """Do nothing; lists use the body and the header ``Link``."""
