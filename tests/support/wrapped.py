"""The application inside a WSGI middleware that is a plain function."""

from wsgi import app as application


def app(environ, start_response):
    def start(status, headers, *rest):
        return start_response(status, [*headers, ("X-Wrapped", "yes")], *rest)

    return application(environ, start)
