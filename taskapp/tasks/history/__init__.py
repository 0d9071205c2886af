"""The history of a task."""
