"""The WSGI application, which gunicorn and the ``flask`` command import."""

import sys

from config import StartupError
from taskapp import create_app
from taskapp.server import hooks as serving

try:
    app = create_app(serving.accepted.settings if serving.accepted else None)
except StartupError as error:
    sys.exit(f"taskapp: {error}")
