"""How pages say things: times, numbers, names of doors, severities, and what was done."""
