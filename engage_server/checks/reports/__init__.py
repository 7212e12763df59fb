"""Writes one result in five formats.

The same input and time give the same bytes: nothing here reads a clock, a terminal or a locale.
"""
