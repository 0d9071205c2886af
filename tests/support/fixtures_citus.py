"""A Citus cluster that somebody else started, if there is one."""

import os

import pytest
from sqlalchemy import make_url

from tests.support.citus import URL_VARIABLE
from tests.support.commands import flask, upgrade


@pytest.fixture(scope="session")
def citus_url():
    """The URL of a migrated and distributed database on a cluster, as a superuser. Its data is left there.

    The extension and the nodes must be there. The migrations and ``flask shard --apply`` are run here.
    """
    if not os.environ.get(URL_VARIABLE):
        pytest.skip(f"{URL_VARIABLE} is not set")
    url = make_url(os.environ[URL_VARIABLE])
    upgrade(url)
    flask("shard", "--apply", MIGRATION_DATABASE_URL=url, DATABASE_URL=url, JWT_SECRET="x" * 32)
    return url
