"""The entry for WSGI servers: ``gunicorn wsgi:app``."""

from lms.app import create_app

app = create_app()
