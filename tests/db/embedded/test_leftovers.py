"""What a server that died, a full disk or a copy of a folder leaves behind: mended if that is safe, or said exactly."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from taskapp.db.embedded import EmbeddedError, EmbeddedPostgres
from taskapp.db.embedded.programs import package_binaries, unprivileged
from tests.support.postgres import FAST, make_postgres, postmaster, run_sql
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
ANOTHER_USER = 12345


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A stopped server with a row, whose folder tests copy."""
    server = make_postgres(tmp_path_factory.mktemp("original") / "instance")
    server.start()
    run_sql(server.url, "CREATE TABLE kept AS SELECT 1 AS value")
    server.stop()
    return server


def copy(server, folder):
    subprocess.run(["cp", "-a", server.folder, folder], check=True)
    return make_postgres(folder)


@pytest.fixture
def server(original, tmp_path):
    server = copy(original, tmp_path / "instance")
    yield server
    server.stop()


def has_its_data(server):
    server.start()
    return run_sql(server.url, "SELECT value FROM kept") == [(1,)]


def refusal(server):
    with pytest.raises(EmbeddedError) as caught:
        server.start()
    assert not server.in_use
    return caught.value.message


def follow_advice(program, sentence):
    subprocess.run(shlex.split(re.search(f"{program} .*", sentence)[0]), check=True)


@contextmanager
def other_process(*command, **options):
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    "content", ["", "\0" * 64, "x", "{sleeper}\n{data}\n", "1\n{data}\n", "-7\n{data}\n", "9" * 30]
)
def test_pid_file_of_a_dead_server_is_removed(server, content):
    """Empty after a power failure, or with the id of another process by now, which is left alone."""
    with other_process("sleep", "60") as sleeper:
        text = content.format(sleeper=sleeper.pid, data=server.data)
        (server.data / "postmaster.pid").write_text(text)
        (server.folder / ".s.PGSQL.5432.lock").write_text(text)
        (server.folder / ".s.PGSQL.5432").write_text("")
        assert has_its_data(server)
        server.stop()
        assert sleeper.poll() is None


def test_copy_of_a_running_server_is_refused_and_leaves_the_original_alone(server, tmp_path):
    server.start()
    pid = postmaster(server)
    duplicate = copy(server, tmp_path / "copy")
    sentence = refusal(duplicate)
    assert f"was copied from {server.data} while its server was running" in sentence
    assert postmaster(server) == pid
    assert has_its_data(server)
    follow_advice("rm", sentence)
    assert has_its_data(duplicate)
    duplicate.stop()
    assert postmaster(server) == pid


def test_folder_that_was_moved_keeps_its_data(server, tmp_path):
    server.start()
    os.kill(postmaster(server), signal.SIGKILL)
    server.stop()
    server.folder.rename(tmp_path / "moved")
    moved = make_postgres(tmp_path / "moved")
    assert has_its_data(moved)
    moved.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_server_that_was_started_by_hand_is_left_alone(server):
    command = unprivileged([str(package_binaries() / "postgres"), "-D", str(server.data), "-c", "port=5999"])
    with other_process(*command, stderr=subprocess.DEVNULL) as by_hand:
        wait_until(lambda: (server.data / "postmaster.pid").exists(), "it does not start")
        assert f"Stop it: kill -INT {by_hand.pid}" in refusal(server)
        assert by_hand.poll() is None
        by_hand.send_signal(signal.SIGINT)
        by_hand.wait(30)
    assert has_its_data(server)


def test_socket_of_another_server_is_refused(server, original, tmp_path):
    """As in a copy made of hard links."""
    server.start()
    linked = make_postgres(tmp_path / "linked")
    linked.folder.mkdir(mode=0o700)
    shutil.copytree(original.data, linked.data)
    linked.socket.hardlink_to(server.socket)
    assert f"uses {server.data}" in refusal(linked)
    assert has_its_data(server)


def test_killed_keeper_takes_the_server_with_it(server):
    server.start()
    keeper = int(Path(f"/proc/{postmaster(server)}/stat").read_text().split()[3])
    os.kill(keeper, signal.SIGTERM)  # As a service manager may send to all processes: only the users decide.
    assert has_its_data(server)
    os.kill(keeper, signal.SIGKILL)
    wait_until(lambda: not server._processes.held, "the server outlives its keeper")


def test_data_of_another_version_is_refused(server):
    (server.data / "PG_VERSION").write_text("17\n")
    sentence = refusal(server)
    assert "was initialized by PostgreSQL version 17" in sentence
    follow_advice("mv", sentence)
    server.start()
    assert (server.folder / "postgres.old").exists()


@pytest.mark.parametrize("missing", ["PG_VERSION", "postgresql.conf", "global/pg_control", "pg_wal/0*"])
def test_damaged_data_is_refused(server, missing):
    for file in server.data.glob(missing):
        file.unlink()
    sentence = refusal(server)
    assert "does not start: " in sentence
    assert f"mv {server.data} {server.data}.old" in sentence


def test_empty_data_folder_is_initialized(tmp_path):
    server = make_postgres(tmp_path / "instance")
    server.data.mkdir(parents=True)
    server.start()
    server.stop()


@ROOT_ONLY
def test_copy_that_root_has_made_is_used(server):
    for path in (server.data, *server.data.rglob("*")):
        os.chown(path, 0, 0)
    assert has_its_data(server)


@ROOT_ONLY
def test_folder_of_another_user_is_refused(server):
    os.chown(server.data, ANOTHER_USER, ANOTHER_USER)
    sentence = refusal(server)
    assert f"belongs to the user {ANOTHER_USER}, but the embedded PostgreSQL runs as nobody" in sentence
    follow_advice("chown", sentence)
    assert has_its_data(server)
    server.stop()
    os.chown(server.folder, ANOTHER_USER, ANOTHER_USER)
    assert f"belongs to the user {ANOTHER_USER}, but this process runs as root" in refusal(server)


@ROOT_ONLY
def test_user_without_an_entry_in_passwd(server, tmp_path):
    """Only initdb needs one, and not the server. The capability is for a Python below a private folder."""
    code = (
        "import pathlib, sys; sys.path.insert(0, '.'); from taskapp.db.embedded import *\n"
        "try:\n EmbeddedPostgres(pathlib.Path(sys.argv[1])).start(); print('started')\n"
        "except EmbeddedError as error: print(error.message)"
    )
    user = [f"--reuid={ANOTHER_USER}" if "reuid" in part else part for part in unprivileged([])]

    def start(folder):
        command = [*user, sys.executable, "-B", "-c", code, folder]
        environment = {name: value for name, value in os.environ.items() if name != "HOME"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    (tmp_path / "new").mkdir(mode=0o700)
    for path in (tmp_path / "new", server.folder, *server.folder.rglob("*")):
        os.chown(path, ANOTHER_USER, -1)
    assert f"The user {ANOTHER_USER} has no entry in /etc/passwd" in start(tmp_path / "new")
    assert start(server.folder) == "started\n"
    shutil.rmtree(server.folder)


@contextmanager
def small_disk(folder, size):
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=False).returncode:
        pytest.skip("cannot mount a file system")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def remount(folder, options):
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)


@ROOT_ONLY
def test_full_and_read_only_disks(tmp_path):
    disk = tmp_path / "disk"
    with small_disk(disk, "8m"):
        server = EmbeddedPostgres(disk / "instance", settings=FAST)
        assert "cannot create its data folder" in refusal(server)
        assert "No space left on device" in refusal(server)
        remount(disk, "size=200m")
        server.start()
        server.stop()
        subprocess.run(["cp", "/dev/zero", disk / "fill"], capture_output=True, check=False)
        sentence = refusal(server)
        assert "No space left on device" in sentence
        assert "mv" not in sentence
        (disk / "fill").unlink()
        remount(disk, "ro")
        assert "Read-only file system" in refusal(server)
        remount(disk, "rw")
        server.start()
        server.stop()
