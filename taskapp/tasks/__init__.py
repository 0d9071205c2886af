"""Tasks: the table, the statements, the service functions, the schemas and the routes."""
