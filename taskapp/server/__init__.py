"""The running process: the integration with gunicorn, logs, metrics, health checks and background jobs."""
