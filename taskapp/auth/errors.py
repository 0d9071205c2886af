"""Errors of authentication and authorization. They know no HTTP status; ``taskapp.auth.guard`` maps them."""


class MissingToken(Exception):
    """The request has no token."""


class InvalidToken(Exception):
    """The token is malformed, expired, or not from an issuer that this service trusts."""


class WrongUser(Exception):
    """The token's user is not the one of the path."""


class SigningKeyUnavailable(Exception):
    """The token's key is not known, and the issuer cannot be asked for it at the moment.

    Args:
        seconds: when to retry, in whole seconds from now.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds
