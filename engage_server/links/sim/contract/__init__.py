"""The contract that an operator of SIMs supplies, and the map that says which of its operations does what."""
