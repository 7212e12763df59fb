"""X.509 for ENGAGE devices: names, keys, encodings, profiles, issuing, chains, the byte budget.

Pure: no clock, no file, no network; imports nothing of ours but errors and records.
"""
