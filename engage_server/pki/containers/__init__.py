"""Readers for the file formats of certificates and keys, one module for each."""
