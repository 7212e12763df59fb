"""The operators' instance: its app and figures, and what it does over and over beside them."""
