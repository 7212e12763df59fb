"""Copies of all tables: taken from one database, and filled into another one, whichever of the two kinds they are."""
