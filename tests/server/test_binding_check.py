"""Addresses that cannot be bound are refused with a sentence before the service starts."""

import fcntl
import os
import socket

import pytest
from gunicorn.config import Config

from taskapp.server import binding
from tests.support.certificates import make_certificate


@pytest.fixture
def refuse():
    """Returns the sentence with which addresses of gunicorn are refused."""

    def refuse(*addresses, **options):
        cfg = Config()
        cfg.set("bind", list(addresses))
        for name, value in options.items():
            cfg.set(name, value)
        with pytest.raises(SystemExit) as refused:
            binding.check(cfg, "Choose another.")
        return refused.value.code

    return refuse


def test_addresses_that_cannot_be_bound_are_refused(refuse, tmp_path):
    (tmp_path / "file").touch()
    folder = os.open(tmp_path, os.O_RDONLY)
    closed = fcntl.fcntl(folder, fcntl.F_DUPFD, 500)  # So high that no socket of the check gets it.
    os.close(closed)
    for address, sentence in [
        ("192.0.2.1:8000", "192.0.2.1 port 8000: Cannot assign requested address"),
        ("*:8000", "* port 8000: Name or service not known"),
        ("localhost:99999", "localhost port 99999: bind(): port must be 0-65535"),
        (f"fd://{closed}", f"the file descriptor {closed}: Bad file descriptor"),
        (f"fd://{folder}", "Socket operation on non-socket"),
        (f"unix:{tmp_path}/file", "the file exists and is not a socket"),
        (f"unix:{tmp_path}/none/x", "No such file or directory"),
        (f"unix:{tmp_path}/{'x' * 108}", "AF_UNIX path too long"),
    ]:
        refused = refuse("127.0.0.1:0", address)
        assert refused.startswith("taskapp: cannot listen on ")
        assert refused.endswith(f"{sentence}. Choose another.")
    assert (tmp_path / "file").exists()


def test_name_is_checked_for_the_address_that_gunicorn_binds(refuse):
    """A name may stand for IPv6 and IPv4. gunicorn takes IPv4, and with SO_REUSEPORT would share a taken port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "Address already in use" in refuse(f"localhost:{taken.getsockname()[1]}")


def test_certificate_that_cannot_be_used_is_refused(refuse, tmp_path):
    certificate, _ = make_certificate(tmp_path)
    for name in (certificate, tmp_path / "none"):
        sentence = refuse("127.0.0.1:0", certfile=str(name), keyfile=str(tmp_path / "none"))
        assert sentence == "taskapp: cannot use --certfile and --keyfile: No such file or directory."
