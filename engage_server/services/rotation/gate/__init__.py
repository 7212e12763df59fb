"""The gate between two steps: what it counts, what it decides, and the words for it."""
