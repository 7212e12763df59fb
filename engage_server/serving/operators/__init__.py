"""The operators' instance: its app, its metrics, and the tasks that it repeats."""
