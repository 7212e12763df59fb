"""The containers in which people have certificates and keys, each taken apart by its own module."""
