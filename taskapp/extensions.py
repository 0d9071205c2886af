"""The extensions, not bound to an application yet; ``create_app`` binds them."""

from typing import Any

from flask_migrate import Migrate
from flask_smorest import Api as SmorestApi
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from taskapp.errors import ErrorEnvelope
from taskapp.version import VERSION

# For flask-smorest: what the document is, where it is, and what opens the operations in it.
_BEARER = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
OPENAPI_SETTINGS: dict[str, Any] = {
    "API_TITLE": "taskapp",
    "API_VERSION": VERSION,
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/",
    "OPENAPI_JSON_PATH": "openapi.json",
    "API_SPEC_OPTIONS": {"components": {"securitySchemes": {"bearer": _BEARER}}, "security": [{"bearer": []}]},
}


class Base(DeclarativeBase):
    """The base of the models; constraints are named by rule, so that a migration can name them too."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        }
    )


class Api(SmorestApi):
    """flask-smorest's API, with the errors of ``taskapp.errors`` in its document and in its answers."""

    ERROR_SCHEMA = ErrorEnvelope
    DEFAULT_ERROR_RESPONSE_NAME = None  # Every status is documented by its own.

    def _register_error_handlers(self) -> None:
        """Leave errors to ``taskapp.errors``."""


db = SQLAlchemy(model_class=Base)
migrate = Migrate()
api = Api()
