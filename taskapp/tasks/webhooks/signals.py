"""Signals about webhooks, which wake the process that delivers them."""

from blinker import Signal

# Sent after a write that may leave something to do at once, or earlier than the process expects.
delivery_due = Signal()
