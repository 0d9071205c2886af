"""Tasks: their table, their statements, their schemas and their routes."""
