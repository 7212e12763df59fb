"""Judges of pages as a browser shows them. Each has its negative control in tests/browser/test_judges.py."""
