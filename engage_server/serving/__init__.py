"""Processes: the gunicorn instance of each listener, its worker, its TLS contexts, and the pair."""
