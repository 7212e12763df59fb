"""Evidence of devices: recorded while serving, spooled, stored, combined into histories, and diagnosed."""
