"""X.509 for ENGAGE devices: names, keys, encodings, profiles, issuing, chains, the byte budget.

Pure: no clock, no file, no network. It imports only ``errors`` and ``records`` from this project.
"""
