"""Statistics: how many tasks a user has in which state, and day by day."""
