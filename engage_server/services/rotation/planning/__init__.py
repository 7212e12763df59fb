"""Plans: which ways there are to rotate, each tried on a copy of the chain."""
