"""SIMs of sites: their states, the API of their operator by a contract that is given, and what it says of paths."""
