"""Fixtures of the example front end: the page on an origin of its own, and a service that allows it."""

import contextlib
import threading
from functools import partial
from http.server import ThreadingHTTPServer

import pytest

from examples.serve import Page
from tests.support.example_page import ExamplePage

BROWSER = {"locale": "en-GB", "timezone_id": "Europe/Berlin", "viewport": {"width": 1100, "height": 900}}


@contextlib.contextmanager
def _site(start):
    """Serve the page as ``make example`` does; ``start`` starts a service for an origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as site:
        origin = f"http://127.0.0.1:{site.server_port}"
        service = start(CORS_ORIGINS=origin)
        site.RequestHandlerClass = partial(Page, service=service.url)
        thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield origin, service
        site.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def example_site(start_module_server):
    """The origin of the page, and its service."""
    with _site(start_module_server) as site:
        yield site


@pytest.fixture
def start_example(start_server):
    """Serves the page for one test, with a service of the given settings."""
    with contextlib.ExitStack() as sites:
        yield lambda **settings: sites.enter_context(_site(partial(start_server, **settings)))


@pytest.fixture
def new_example(browser):
    """Makes pages of a site, each in a browser of its own and of a new user, unless told otherwise."""
    with contextlib.ExitStack() as closing:

        def make(site, client=None, context=None, **options):
            origin, service = site
            if context is None:
                context = closing.enter_context(browser.new_context(**{**BROWSER, **options}))
            client = client or closing.enter_context(service.client())
            return ExamplePage(context, origin, client)

        yield make


@pytest.fixture
def example(new_example, example_site):
    """The page, opened by a new user. The browser must not have complained about anything."""
    example = new_example(example_site).opened()
    yield example
    assert example.complaints == []
