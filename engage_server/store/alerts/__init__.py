"""Where alerts go, and what waits to be sent."""
