"""The environment of the service does not decide what its connections do."""

import secrets

import pytest


@pytest.mark.parametrize("encoding", ["SJIS", "LATIN1", "SQL_ASCII"])
def test_client_encoding_of_the_environment_keeps_users_apart(start_server, monkeypatch, encoding):
    """In SJIS both user ids are the same bytes (PostgreSQL's conversion table), and LATIN1 has no emoji."""
    monkeypatch.setenv("PGCLIENTENCODING", encoding)
    server, suffix = start_server(WORKERS=1, THREADS=1), secrets.token_hex(6)
    first, second = server.client(f"‖{suffix}"), server.client(f"∥{suffix}")
    task = first.create(title="for one user only 😀")
    assert first.get().data == [task]
    assert second.get().data == []
    assert second.get(f"/{task['id']}").status == 404
