"""What the operators' instance does again and again, each in a thread."""
