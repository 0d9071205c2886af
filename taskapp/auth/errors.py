"""Errors of authentication and authorization. They know no HTTP status; ``taskapp.auth.guard`` maps them."""


class MissingToken(Exception):
    """The request has no token."""


class InvalidToken(Exception):
    """The token is malformed, expired, or not from an issuer that this service trusts."""


class WrongUser(Exception):
    """The token belongs to another user."""


class SigningKeyUnavailable(Exception):
    """The token's key is unknown and the issuer is unreachable.

    Args:
        seconds: when to retry, in whole seconds from now.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds
