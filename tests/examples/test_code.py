"""The code of the example front end: its types, its policy, and what it must not contain."""

import json
import re
import subprocess

import pytest

from config import ROOT
from examples.serve import DEFAULT_URL, FOLDER
from tests.support.external import NODE_PACKAGES, require_node_package

HTML = (FOLDER / "index.html").read_text()
SCRIPTS = {path.name: path.read_text() for path in FOLDER.glob("*.js")}


@pytest.mark.slow
def test_types():
    require_node_package("typescript")
    command = ["node", NODE_PACKAGES / "typescript" / "bin" / "tsc", "-p", FOLDER]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.stdout, result.returncode) == ("", 0)
    assert json.loads((FOLDER / "tsconfig.json").read_text())["compilerOptions"]["strict"] is True


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_no_text_becomes_html_or_code(name):
    sinks = (
        r"innerHTML|outerHTML|insertAdjacentHTML|setHTML|document\.write|eval\(|new Function|DOMParser|createContextual"
    )
    assert not re.search(sinks, SCRIPTS[name])


def test_page_has_no_inline_code():
    assert (
        re.findall(r"<script(?! type=\"module\" src=\"app\.js\"></script>)|<style|\son\w+=|\sstyle=|javascript:", HTML)
        == []
    )


def test_policy_allows_only_the_page_and_the_service():
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="(.*?)"', HTML)
    directives = dict(each.strip().split(" ", 1) for each in policy.split(";"))
    assert directives.pop("default-src") == "'none'"
    assert directives.pop("connect-src") == f"'self' {DEFAULT_URL}"
    assert set(directives.values()) <= {"'self'", "'none'"}


def test_worker_keeps_every_file():
    modules, files = re.findall(r"^const (?:MODULES|FILES) = \[(.*?)\]", SCRIPTS["worker.js"], re.MULTILINE)
    named = {f"{name}.js" for name in re.findall(r'"(\w+)"', modules)} | set(re.findall(r'"(\w+\.\w+)"', files))
    served = {path.name for path in FOLDER.iterdir() if path.suffix in {".js", ".css", ".svg"}}
    assert named == served - {"worker.js"}


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_every_file_reads_in_one_go(name):
    """Also that lines are formatted alike: double quotes, semicolons, no tabs, at most 120 characters."""
    lines = SCRIPTS[name].splitlines()
    assert len(lines) <= 250
    assert [line for line in lines if len(line) > 120 or "\t" in line or line != line.rstrip()] == []
    assert SCRIPTS[name].startswith("/**")


def test_page_needs_nothing_from_elsewhere():
    text = HTML + "".join(SCRIPTS.values()) + (FOLDER / "style.css").read_text()
    assert set(re.findall(r"https?://[\w.:]+", text)) == {DEFAULT_URL}
    assert "@import" not in text
    assert (ROOT / "examples" / "web" / "index.html").exists()
