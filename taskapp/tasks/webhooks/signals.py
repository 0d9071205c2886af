"""The signal that something is to be delivered soon: a webhook was enabled, or a reminder was set."""

from blinker import Signal

delivery_due = Signal()
