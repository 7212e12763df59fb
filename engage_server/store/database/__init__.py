"""The database itself: connections, their limits, and what SQLite and PostgreSQL say differently."""
