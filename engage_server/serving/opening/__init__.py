"""Opens what strangers sent in a separate process, which ends when that takes too long."""
