"""The contract as an OpenAPI 3.1 document, made from the views and their schemas, and the page that shows it."""

from taskapp.http.openapi.api import SETTINGS, Api
from taskapp.http.openapi.blueprint import DocumentedBlueprint, document_only
from taskapp.http.openapi.responses import API_ERRORS, HTTP_ERRORS, QUOTA, describe_error, headers
from taskapp.http.openapi.schemas import ErrorEnvelope, ErrorOut

__all__ = [
    "API_ERRORS",
    "HTTP_ERRORS",
    "QUOTA",
    "SETTINGS",
    "Api",
    "DocumentedBlueprint",
    "ErrorEnvelope",
    "ErrorOut",
    "describe_error",
    "document_only",
    "headers",
]
