"""Imports the vendor's two sample servers."""
