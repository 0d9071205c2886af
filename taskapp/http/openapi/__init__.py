"""The OpenAPI 3.1 document, generated from the views and their schemas, and the documentation page."""

from flask import Flask

from taskapp.http.id_converter import IdConverter, id_schema
from taskapp.http.openapi.api import SETTINGS, Api
from taskapp.http.openapi.blueprint import DocumentedBlueprint, without_wrapper
from taskapp.http.openapi.responses import (
    API_ERRORS,
    HTTP_ERRORS,
    QUOTA,
    describe_error,
    describe_too_large,
    headers,
)
from taskapp.http.openapi.schemas import ErrorEnvelope, ErrorOut

__all__ = [
    "API_ERRORS",
    "HTTP_ERRORS",
    "QUOTA",
    "SETTINGS",
    "DocumentedBlueprint",
    "ErrorEnvelope",
    "ErrorOut",
    "api",
    "describe_error",
    "describe_too_large",
    "headers",
    "init_app",
    "without_wrapper",
]

# Not bound to an application yet. ``create_app`` binds it.
api = Api()


def init_app(app: Flask) -> None:
    """Serve the document at ``/openapi.json``. Call this after all errors are mapped."""
    api.init_app(app)
    api.register_converter(IdConverter, id_schema)
