"""The WSGI application, which gunicorn and the ``flask`` command import."""

import sys

from config import StartupError
from taskapp import create_app
from taskapp.server import hooks

try:
    app = create_app(hooks.loaded.settings if hooks.loaded else None)
except StartupError as error:
    sys.exit(f"taskapp: {error}")
