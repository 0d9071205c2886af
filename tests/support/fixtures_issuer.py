"""Fixtures of an issuer that publishes its keys, and of applications that trust it."""

import pytest

from tests.support.issuer import Issuer


@pytest.fixture
def issuer():
    """An issuer with a key of each common kind."""
    with Issuer() as issuer:
        issuer.add_key("ed", "EdDSA")
        issuer.add_key("ec", "ES256", alg="ES256")
        issuer.add_key("rsa", "RS256", use="sig")
        yield issuer


@pytest.fixture
def make_request_as(issuer, make_app):
    """Makes a function that sends a request with a token to an application that trusts the issuer."""

    def make(**changes):
        http = make_app(JWT_SECRET=None, JWT_JWKS_URL=issuer.url, **changes).test_client

        def request_as(token, user_id="jwks-user"):
            return http().get(f"/api/{user_id}/tasks", headers={"Authorization": f"Bearer {token}"})

        return request_as

    return make


@pytest.fixture
def status_of(make_request_as):
    """Makes a function that does the same, and returns the status."""

    def make(**changes):
        request_as = make_request_as(**changes)
        return lambda *arguments: request_as(*arguments).status_code

    return make
