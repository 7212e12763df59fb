"""Who is at risk tonight: found by pure functions, and said once for the command line, the API and the metrics."""
