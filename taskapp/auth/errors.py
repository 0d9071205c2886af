"""Why a caller is not let in, without a word on how clients are told."""


class MissingToken(Exception):
    """The request has no token."""


class InvalidToken(Exception):
    """The token is malformed, expired, or not from an issuer that this service trusts."""


class WrongUser(Exception):
    """The token belongs to another user."""


class SigningKeyUnavailable(Exception):
    """The token's key is unknown and the issuer is unreachable.

    Args:
        seconds: after which it is worth trying again.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds
