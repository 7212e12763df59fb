"""The pictures of the documentation, drawn from what the program says and builds. ``scripts/pictures`` writes them."""
