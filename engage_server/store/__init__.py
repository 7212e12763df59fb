"""Keeps sites, releases, devices and the audit log in SQLite or PostgreSQL. Secrets are sealed."""
