"""The demonstration: a throw-away installation with doors and nights that never were, to look at everything.

What it writes goes through the services and the store that a real installation uses, with the time as an argument.
Nothing here can be taken for evidence: its sites are for trials, and each of its calls is marked as a virtual lock's.
"""
