"""The reminders that are due. The process that delivers also writes them into the log."""


def fire_due_reminders() -> float | None:
    """Write the reminders that are due into the log.

    Returns:
        The seconds until the next reminder is due; None if there is none.
    """
    return None
