"""Ways in and out: tasks as files."""
