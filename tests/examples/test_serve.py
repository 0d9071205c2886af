"""``make example``: one command, one URL that works, and Ctrl-C that ends all of it."""

import http.client
import socket

import pytest

from taskapp.db.embedded import EmbeddedPostgres
from tests.support.gunicorn import Gunicorn
from tests.support.ports import free_port, listens
from tests.support.terminal import MakeExample

pytestmark = pytest.mark.slow


def two_free_ports():
    while True:
        port = free_port()
        if port < 65535 and not listens(port + 1):
            return port


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.headers, response.read().decode()


@pytest.mark.parametrize("is_beside", [False, True], ids=["alone", "beside-make-run"])
def test_url_works(browser, tmp_path, is_beside):
    """Beside ``make run`` it uses the same tasks."""
    instance, port = {"INSTANCE_PATH": tmp_path / "instance"}, two_free_ports()
    beside = Gunicorn(tmp_path / "log of make run", **instance)
    if is_beside:
        beside.start()
    with MakeExample(tmp_path / "log", EXAMPLE_PORT=port, WORKERS=1, **instance) as example:
        urls = example.banner()
        assert urls.keys() == {"Open", "API", "Files"}, example.log.read_text()
        assert "Traceback" not in example.log.read_text()
        page = browser.new_page()
        page.goto(urls["Open"])
        page.get_by_text("All changes saved").wait_for()
        page.get_by_role("textbox", name="Title").fill("Buy milk")
        page.keyboard.press("Enter")
        page.get_by_text("Added: Buy milk.").wait_for()
        page.close()
        if is_beside:
            with beside.client() as client:
                token = urls["Open"].partition("#token=")[2]
                (task,) = client.request("GET", "/api/demo/tasks", token=token).data
                assert task["title"] == "Buy milk"
            beside.stop()
        example.interrupt()
        assert not listens(port)
        assert not listens(port + 1)
        assert "Traceback" not in example.log.read_text()
    assert not EmbeddedPostgres(instance["INSTANCE_PATH"])._listens()


def test_taken_port_ends_in_a_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for port in (taken.getsockname()[1], taken.getsockname()[1] - 1):  # Of the page, and of its service.
            with MakeExample(tmp_path / "log", EXAMPLE_PORT=port, INSTANCE_PATH=tmp_path / "instance") as example:
                assert example.process.wait(60) != 0
                text = example.log.read_text()
                assert f"cannot listen on 127.0.0.1 port {taken.getsockname()[1]}: Address already in use" in text
                assert "Traceback" not in text


@pytest.mark.parametrize("port", ["x", "0", "65535", "١"])
def test_wrong_port_ends_in_a_sentence(tmp_path, port):
    with MakeExample(tmp_path / "log", EXAMPLE_PORT=port, INSTANCE_PATH=tmp_path / "instance") as example:
        assert example.process.wait(60) != 0
        assert "EXAMPLE_PORT must be a whole number from 1 to 65534." in example.log.read_text()


def test_wrong_setting_is_explained_by_the_service(tmp_path):
    settings = {"EXAMPLE_PORT": two_free_ports(), "INSTANCE_PATH": tmp_path / "instance", "THREADS": "many"}
    with MakeExample(tmp_path / "log", **settings) as example:
        assert example.process.wait(60) != 0
        text = example.log.read_text()
    assert "taskapp: THREADS must be a whole number." in text
    assert "The service of the example did not start. Its reason is above." in text
    assert "Traceback" not in text


def test_files_are_served_for_this_service_only(example_site):
    origin, service = example_site
    port = int(origin.rpartition(":")[2])
    status, headers, body = get(port, "/?anything")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert f"connect-src 'self' {service.url};" in body
    assert "127.0.0.1:8000" not in body
    assert headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    status, headers, _ = get(port, "/app.js")
    assert (status, headers["Content-Type"]) == (200, "text/javascript")
    for path in ("/../serve.py", "/%2e%2e/serve.py", "/nothing"):
        assert get(port, path)[0] == 404
