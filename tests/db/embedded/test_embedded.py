"""The embedded PostgreSQL starts with the first process that uses it, and stops with the last, however that ends."""

import os
import signal
import stat
import subprocess
import sys
import time

import pytest

from config import ROOT
from taskapp.db.embedded import EmbeddedError, EmbeddedPostgres
from tests.support.postgres import make_postgres, postmaster, run_sql
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

USER = (
    "import sys, pathlib; sys.path.insert(0, sys.argv[2]);"
    "from tests.support.postgres import make_postgres;"
    "make_postgres(pathlib.Path(sys.argv[1])).start(); print('started', flush=True); sys.stdin.read()"
)


def running(server):
    """Whether the server runs."""
    return server._listens()


def start_process_using(server):
    """Another process that starts the server, says so, and uses it until its standard input ends."""
    command = [sys.executable, "-c", USER, server.folder, ROOT]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)


def process_using(server):
    process = start_process_using(server)
    assert process.stdout.readline() == b"started\n"
    return process


def end(process):
    process.stdin.close()
    process.stdout.close()
    assert process.wait(30) == 0


@pytest.fixture
def server(tmp_path):
    """A server in a folder that exists only once it starts."""
    server = make_postgres(tmp_path / "instance")
    yield server
    server.stop()


def test_data_stays_between_runs(server):
    server.start()
    run_sql(server.url, "CREATE TABLE kept AS SELECT 1 AS value")
    server.stop()
    assert not running(server)
    server.start()
    assert run_sql(server.url, "SELECT value FROM kept") == [(1,)]


def test_last_of_several_processes_stops_it(server):
    first, second = process_using(server), process_using(server)
    end(first)
    assert running(server)
    server.start()
    end(second)
    assert running(server)
    server.stop()
    assert not running(server)


def test_killed_process_leaves_no_server_behind(server):
    process = process_using(server)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdin.close()
    process.stdout.close()
    wait_until(lambda: not running(server), "the server outlives the process that was killed", 10)


def test_killed_server_starts_again_with_its_data(server):
    server.start()
    run_sql(server.url, "CREATE TABLE kept AS SELECT 1 AS value")
    run_sql(server.url, "CHECKPOINT")  # The servers of tests do not wait for the disk.
    os.kill(postmaster(server), signal.SIGKILL)
    server.stop()
    server.start()
    assert run_sql(server.url, "SELECT value FROM kept") == [(1,)]


def test_interrupted_initialization_is_repeated(server):
    (server.folder / "postgres.new").mkdir(parents=True)
    (server.folder / "postgres.new" / "PG_VERSION").write_text("half")
    server.start()
    assert run_sql(server.url, "SELECT 1") == [(1,)]


def test_processes_that_start_at_once_share_one_server(server):
    processes = [start_process_using(server) for _ in range(4)]
    assert [process.stdout.readline() for process in processes] == [b"started\n"] * 4
    for process in processes:
        end(process)
    assert not running(server)


@pytest.mark.parametrize("name", ["a folder with spaces", "quotes ' and \"", "ünï", "x" * 90, "per%cent"])
def test_any_path_will_do(tmp_path, name):
    server = make_postgres(tmp_path / name / "instance")
    server.start()
    assert run_sql(server.url, "SELECT 1") == [(1,)]
    server.stop()
    assert not running(server)


def test_nothing_above_the_data_is_opened_to_others(tmp_path):
    top = tmp_path / "private"
    top.mkdir(mode=0o700)
    server = make_postgres(top / "instance")
    server.start()
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (top, server.folder, server.data, server.socket)}
    server.stop()
    assert set(modes.values()) == {0o700}


def test_folder_that_was_open_is_closed(tmp_path):
    folder = tmp_path / "instance"
    folder.mkdir(mode=0o755)
    server = make_postgres(folder)
    server.start()
    server.stop()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_data_that_is_open_to_others_is_closed(server):
    """As rsync and archives leave it, which may not keep the mode of a folder."""
    server.start()
    server.stop()
    server.data.chmod(0o755)
    server.start()
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700


def test_log_that_cannot_be_opened_is_named(server):
    server.log.mkdir(parents=True)
    with pytest.raises(EmbeddedError, match=r"Is a directory \(.*/postgres\.log\)\."):
        server.start()


def test_folder_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "instance").symlink_to("elsewhere")
    with pytest.raises(EmbeddedError, match="is a symbolic link"):
        make_postgres(tmp_path / "instance").start()


def test_start_that_is_killed_leaves_no_server_behind(server):
    """However early: every 40 ms from the beginning to when it has started."""
    server.start()
    server.stop()
    started = server.data / "postmaster.pid"
    for delay in range(0, 400, 40):
        process = subprocess.Popen([sys.executable, "-c", USER, server.folder, ROOT], stdin=subprocess.PIPE, cwd=ROOT)
        wait_until(lambda process=process: started.exists() or process.poll() is not None, "no start")
        time.sleep(delay / 1000)
        process.kill()
        process.wait()
        process.stdin.close()
        wait_until(lambda: not started.exists(), "the server outlives the start that was killed", 20)


def test_it_listens_on_no_port(server):
    server.start()
    assert run_sql(server.url, "SHOW listen_addresses") == [("",)]


def test_error_says_why_it_cannot_start(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedError, match="Cannot create the folder"):
        EmbeddedPostgres(tmp_path / "file" / "instance").start()
    with pytest.raises(EmbeddedError, match="cannot create its data folder"):
        EmbeddedPostgres(tmp_path / "a", initdb_options=["--no-such-option"]).start()
    with pytest.raises(EmbeddedError, match=r"does not start: .*contains errors\. See .*postgres\.log\."):
        EmbeddedPostgres(tmp_path / "b", settings={"shared_buffers": "nonsense"}).start()
