"""One worker process: its event loop, the parts that the loop needs, and its metrics and logs."""
