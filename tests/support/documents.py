"""Code and tables of the documentation, for tests that run them."""

import os
import re
import shlex
import subprocess
import sys

from config import ROOT
from tests.support.external import require

TOOLS = ROOT / "tests" / "support" / "tools"
# Where programs run that an example is for, by the words that an example uses for it.
PLACES = {"Los Angeles": "America/Los_Angeles", "Auckland": "Pacific/Auckland"}
_IN_PLACE = re.compile(rf"(.+?) in ({'|'.join(PLACES)})(?:, |$)")


def read(name):
    """The text of a page in docs/."""
    return (ROOT / "docs" / f"{name}.md").read_text()


def section(page, heading):
    """The text below a heading, up to the next heading."""
    return re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", page, re.MULTILINE | re.DOTALL)[1]


def code(page, language):
    """All code of a language on a page, as one program."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return "\n".join(blocks)


def rows(page, heading):
    """The cells of all tables below a heading, but for their heads, without backticks."""
    lines = re.findall(r"^\| (.+) \|$", section(page, heading), re.MULTILINE)
    return [[cell.strip().strip("`") for cell in re.split(r"\s\|\s", line)] for line in lines]


def expected_output(program, place):
    """The lines that a program prints by its comments, each after a call of print or console.log or below it.

    A comment ``a in Los Angeles, b in Auckland`` is ``a`` or ``b``, by the place.
    """
    comments = re.findall(r"^(?:console\.log|print)\(.*\)[;\s]*(?://|#) (.+)$", program, re.MULTILINE)
    assert len(comments) == len(re.findall(r"^(?:console\.log|print)\(", program, re.MULTILINE)), program
    return [{name: text for text, name in _IN_PLACE.findall(comment)}.get(place, comment) for comment in comments]


def run_javascript(program, *, time_zone="UTC", **variables):
    """Run a module, and return the lines that it prints. It may import the packages of tests/support/tools."""
    node = require("node", "'apt install nodejs npm', then 'make tools'.")
    return _run([node, "--input-type=module", "-"], program, time_zone, variables)


def run_python(program, *, time_zone="UTC", **variables):
    """Run a program, and return the lines that it prints."""
    return _run([sys.executable, "-"], program, time_zone, variables)


def _run(command, program, time_zone, variables):
    environment = {**os.environ, "TZ": time_zone, **variables}
    result = subprocess.run(
        command, input=program, cwd=TOOLS, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def shell_examples(page):
    """The commands of a page, each with what it prints. Some print nothing, or are shown without it."""
    return re.findall(r"^```sh\n(.*?)^```\n(?:\n```json\n(.*?)^```)?", page, re.MULTILINE | re.DOTALL)


def run_shell(script):
    """Run commands of a page, and return what they print."""
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=60).stdout


def printed_pattern(printed):
    """A pattern for the output that a page shows in several lines, and with … for what it leaves out."""
    text = re.sub(r'("[^"]*")|\s+', lambda match: match[1] or "", printed)
    return re.escape(text).replace("…,", ".*?").replace("…", ".*?")


def setup_for(script, server, user):
    """The commands with which a page begins, for a user of the tests."""
    script = script.replace(
        "http://127.0.0.1:8000/api/demo", shlex.quote(server.url + user.tasks.removesuffix("/tasks"))
    )
    return script.replace("$(.venv/bin/flask token demo)", user.token)
