"""The WSGI application, which gunicorn and the ``flask`` command import."""

import os
import sys

from taskapp import create_app
from taskapp.server import hooks
from taskapp.settings import StartupError

try:
    app = create_app(hooks.loaded.settings if hooks.loaded else None)
except StartupError as error:
    sys.exit(f"taskapp: {error}")

# The application applies the prefix. gunicorn would apply it too, and return a 500 for every path outside of it.
os.environ.pop("SCRIPT_NAME", None)
