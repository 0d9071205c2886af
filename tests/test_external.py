"""A missing program skips a test, but never in CI."""

import pytest

from tests.support.external import require, require_module, require_node_package

HOW = "run 'make it'"


@pytest.mark.parametrize("ci", ["", "true"])
def test_program_at_hand_is_found(monkeypatch, tmp_path, ci):
    monkeypatch.setenv("CI", ci)
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert require(program, HOW) == str(program)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert require("program", HOW) == str(program)


def test_missing_program_skips(monkeypatch, tmp_path):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="program is not installed: run 'make it'"):
        require(tmp_path / "program", HOW)


def test_missing_program_fails_in_ci(monkeypatch, tmp_path):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="program is not installed: run 'make it'"):
        require(tmp_path / "program", HOW)


@pytest.mark.parametrize("require_package", [require_module, require_node_package])
def test_missing_package_skips_or_fails_alike(monkeypatch, require_package):
    require_module("json")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no_such_module is not installed"):
        require_package("no_such_module")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no_such_module is not installed"):
        require_package("no_such_module")
