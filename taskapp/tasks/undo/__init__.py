"""Taking writes back: the changes of one write, and undo."""
