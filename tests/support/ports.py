"""Ports on loopback: which are free, and which are listened on."""

import socket
from pathlib import Path


def free_port():
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    """Whether something listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def listening_sockets(port):
    """How many sockets listen on a port: one for each worker, with SO_REUSEPORT."""
    sockets = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines())
    return sum(fields[1].endswith(f":{port:04X}") and fields[3] == "0A" for fields in sockets)
