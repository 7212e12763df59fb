"""The pages of one site: what it has, and what is done there."""
