"""The page ``/docs``: Swagger UI, with files from the package flask-swagger-ui and none from other hosts."""

from pathlib import Path

import flask_swagger_ui
from flask import Blueprint, Response, abort, send_from_directory

bp = Blueprint("docs", __name__)

_OURS = Path(__file__).parent / "page"
_SWAGGER_UI = Path(flask_swagger_ui.__file__).parent / "dist"
_FILES = {
    "page.css": _OURS,
    "page.js": _OURS,
    "swagger-ui.css": _SWAGGER_UI,
    "swagger-ui-bundle.js": _SWAGGER_UI,
    "favicon-32x32.png": _SWAGGER_UI,
}
# The icons of Swagger UI are data: URLs. Everything else comes from this host. No page may frame this one, because
# users paste their tokens into it.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@bp.get("/docs")
def page() -> Response:
    """Return the interactive documentation."""
    response = send_from_directory(_OURS, "page.html")
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"  # A page that opens it gets no access to its window.
    return response


@bp.get("/docs/<name>")
def file(name: str) -> Response:
    """Return a file of the page."""
    if name not in _FILES:
        abort(404)
    return send_from_directory(_FILES[name], name)
