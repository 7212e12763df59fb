"""The database: connections, their limits, and the differences between SQLite and PostgreSQL."""
