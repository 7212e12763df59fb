"""SIMs that carry sites: what was ordered from their operators."""
