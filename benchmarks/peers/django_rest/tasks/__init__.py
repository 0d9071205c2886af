"""The application of tasks."""
