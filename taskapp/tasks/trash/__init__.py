"""Deleted tasks: list and restore."""
