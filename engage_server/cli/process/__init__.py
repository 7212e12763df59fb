"""What concerns the process of a command: what it lacks, and how its failures are reported."""
