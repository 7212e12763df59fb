"""The program that polls SIMs, and how its last rounds are shown."""
