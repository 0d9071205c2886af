"""URLs of databases, and how they are written in settings."""

from sqlalchemy import URL


def text_url(url):
    """A URL as a setting has it, with its password."""
    return url.render_as_string(hide_password=False)


def as_text(value):
    """A setting of any type as the environment holds it."""
    if isinstance(value, URL):
        return text_url(value)
    return "" if value is None else str(value)


def through(endpoint, url):
    """The URL of a database by way of a server in front of it."""
    return url.set(port=endpoint.url.port, query=endpoint.url.query)


def at_port(port, url, **parameters):
    """The URL of a database by way of a port on loopback, such as that of a proxy."""
    return url.set(host="127.0.0.1", port=port, query=parameters)
