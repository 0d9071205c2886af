"""LibreOffice opens an exported CSV file, shows the texts as they are, and computes nothing."""

import csv
import subprocess

import pytest

from taskapp.tasks.representation import FIELDS
from taskapp.tasks.transfer.formats import to_csv
from tests.support.external import require

FORMULAS = ["=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1+1", "\r=1+1", "\n=1+1", "\uff1d1+1", "'=1+1", " =1+1", "=1+1,=2+2"]
FIELDS_SHOWN = ("title", "description", "tags")
# Comma, quote, UTF-8, from the first line; columns as in the file: what the dialog proposes.
FILTER = "CSV:44,34,76,1"


def convert(folder, path, target):
    soffice = require("soffice", "'apt install libreoffice-calc-nogui'.")
    profile = f"-env:UserInstallation=file://{folder}/profile"
    command = [soffice, profile, "--headless", f"--infilter={FILTER}", "--convert-to", target, "--outdir", folder, path]
    subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)


def read(path):
    """The cells of a file. LibreOffice writes every end of a line in a cell as LF."""
    with path.open(newline="") as file:
        return [[cell.replace("\r", "\n") for cell in row] for row in csv.reader(file)]


@pytest.mark.slow
def test_nothing_is_computed(tmp_path):
    assert set(FIELDS_SHOWN) <= set(FIELDS)
    tasks = [{"title": text, "description": text, "tags": [text.replace(",", "")]} for text in FORMULAS]
    path = tmp_path / "tasks.csv"
    for data, computed in ((to_csv(tasks, FIELDS_SHOWN), False), (b"title\r\n=1+1\r\n", True)):
        path.write_bytes(data)
        convert(tmp_path, path, "fods")
        document = (tmp_path / "tasks.fods").read_text()
        assert ("table:formula" in document) == computed
    (tmp_path / "out").mkdir()
    path.write_bytes(to_csv(tasks, FIELDS_SHOWN))
    convert(tmp_path / "out", path, "csv:Text - txt - csv (StarCalc):44,34,76,1")
    assert read(tmp_path / "out" / "tasks.csv") == read(path)
