"""The running process: what gunicorn is told, and what the service reports about itself."""
