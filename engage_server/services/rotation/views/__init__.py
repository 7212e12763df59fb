"""How rotations are shown to people: the stages of one, and what happened in it."""
