"""``links.toml``: which links a site has, and on which names and ports partners call in."""
