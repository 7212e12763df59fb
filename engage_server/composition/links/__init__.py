"""The parts of the links: their key, and the database of the ingress."""
