"""Errors of operations on webhooks. They know no HTTP status."""


class WebhookNotFound(Exception):
    """The user has no such webhook."""


class TooManyWebhooks(Exception):
    """The user has as many webhooks as possible."""


class FutureNumber(Exception):
    """The number to replay after is larger than that of the newest change."""


class InvalidUrl(Exception):
    """A URL cannot be that of a webhook.

    Args:
        reason: a sentence for the user.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
