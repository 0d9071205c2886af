"""Webhooks: URLs that the changes of a user are sent to."""
