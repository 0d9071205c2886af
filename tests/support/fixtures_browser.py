"""A fixture that starts a real browser."""

import shutil

import pytest

from tests.support.external import require, require_module

# What distributions call it. Ubuntu has no package of Chromium, but machines for CI have Chrome.
NAMES = ("chromium", "chromium-browser", "google-chrome")
# For a browser that runs as root without a desktop, and requests nothing on its own.
FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-sync"


@pytest.fixture(scope="module")
def browser():
    require_module("playwright")
    chromium = require(next(filter(shutil.which, NAMES), NAMES[0]), "install it (Debian: apt install chromium).")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 # Not on every machine.

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS.split())
        yield browser
        browser.close()
