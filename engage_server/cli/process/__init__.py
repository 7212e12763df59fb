"""What concerns the process of a command: whether it may run, what it lacks, and how its failures are reported."""
