"""The project, in Django's sense."""
