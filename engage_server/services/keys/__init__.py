"""The state of the installation's keys, as operators see it."""
