"""Migrations, made by ``manage.py makemigrations``."""
