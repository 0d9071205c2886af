"""Reminders of tasks."""
