"""Opens what strangers sent in a process of its own, which ends when that takes too long."""
