"""The store's queries: functions inside a transaction that the caller holds."""
