"""Where sites, releases, devices and the audit log rest: SQLite or PostgreSQL, secrets sealed."""
