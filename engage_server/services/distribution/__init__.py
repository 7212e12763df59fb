"""The answers to devices: the snapshot in memory, the choice of the site, and the networks that may ask."""
