"""The poll: asks operators, at the pace of a setting, for the SIMs of links, and reports what changed."""
