"""What the store asks of its tables: functions inside a transaction that the caller holds."""
