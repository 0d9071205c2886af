"""The database of an application: its engine, its circuit breaker and its timeout."""

from typing import Any, NamedTuple

from flask import Flask
from sqlalchemy import Engine, event

from taskapp.db import db, embedded, migrate, prefix
from taskapp.db.engine import engine_options, init_engine
from taskapp.db.prefix import ACTING_USER
from taskapp.db.retry import CircuitBreaker


class Database(NamedTuple):
    """The database of an application.

    Attributes:
        engine: the engine.
        breaker: the circuit breaker.
        timeout: REQUEST_TIMEOUT in seconds.
    """

    engine: Engine
    breaker: CircuitBreaker
    timeout: float


def _act_as_nobody(
    _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _executemany: Any
) -> tuple[str, Any]:
    """Run a statement that bypasses taskapp.db.execute as the acting role without a user, so that it sees no rows."""
    return prefix.READ + statement, {**parameters, ACTING_USER.key: "", "statement_timeout": "0"}


def init_app(app: Flask) -> None:
    """Create the engine of an application, without connecting."""
    server = embedded.of_app(app)
    url = server.owner_url if server else app.config["DATABASE_URL"]
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(app.config, url)
    db.init_app(app)
    migrate.init_app(app)
    with app.app_context():
        engine = db.engine
    embedded.prepare_lazily(app, engine)
    app.extensions["database"] = Database(engine, CircuitBreaker(app.config["THREADS"]), app.config["REQUEST_TIMEOUT"])
    init_engine(engine)
    event.listen(engine, "before_cursor_execute", _act_as_nobody, retval=True)
