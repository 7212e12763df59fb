"""One worker process: its event loop, what it needs for it, and what it counts and logs."""
