"""Ways in and out: the tasks of a user in other forms."""
