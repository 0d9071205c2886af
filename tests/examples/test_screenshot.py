"""The picture of the example front end in the README.

``WRITE_PICTURES=docs .venv/bin/python -m pytest tests/examples/test_screenshot.py`` writes it to ``docs/``; and with
another folder all pictures there, to look at them.
"""

import os
from pathlib import Path

import pytest

from config import ROOT
from tests.support.example_tasks import open_with_tasks

pytestmark = pytest.mark.slow

PICTURE = ROOT / "docs" / "example-page.png"


def wanted(name, tmp_path):
    """Where to write a picture: the one of the README is the only one in ``docs/``."""
    folder = Path(os.environ.get("WRITE_PICTURES") or tmp_path)
    return folder / name if folder.resolve() != PICTURE.parent or name == PICTURE.name else tmp_path / name


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [(PICTURE.name, 900, "light"), ("dark.png", 900, "dark"), ("telephone.png", 360, "light")],
)
def test_picture(new_example, example_site, tmp_path, name, width, scheme):
    options = {"viewport": {"width": width, "height": 980}, "color_scheme": scheme}
    example = open_with_tasks(new_example(example_site, **options))
    example.page.emulate_media(reduced_motion="reduce", color_scheme=scheme)
    # It does not recur: the next occurrence would depend on the clock of the service.
    example.role("checkbox", "Renew the parking permit").click()
    example.wait_for_toast("Done: Renew the parking permit.")
    example.page.locator("h1").click()  # Nothing has the focus.
    example.page.screenshot(path=wanted(name, tmp_path))
    assert example.overflow() <= 0


def test_picture_in_the_documents_is_small():
    assert PICTURE.stat().st_size < 200_000
