"""From certificates in any order to a path, and what RFC 5280 says of it."""
