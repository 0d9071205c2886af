"""The WSGI application, which gunicorn and the ``flask`` command import."""

import sys

from taskapp import create_app
from taskapp.server import hooks
from taskapp.settings import StartupError

try:
    app = create_app(hooks.loaded.settings if hooks.loaded else None)
except StartupError as error:
    sys.exit(f"taskapp: {error}")
