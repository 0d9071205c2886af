"""Fixtures of agents that use the MCP server."""

import contextlib
import secrets

import pytest

from tests.support.agents import Agent, local_server
from tests.support.client import make_token


@pytest.fixture
def make_agent(app, secret):
    """Makes agents of a server in this process, each of a new user unless told otherwise."""
    with contextlib.ExitStack() as agents:

        def make(user_id=None, *, token=None, mode="auto", app=app, **options):
            user_id = user_id or f"user-{secrets.token_hex(6)}"
            token = token or make_token(secret, user_id=user_id)
            return agents.enter_context(Agent(local_server(app, token, user_id, **options), mode))

        yield make


@pytest.fixture
def agent(make_agent):
    return make_agent()
