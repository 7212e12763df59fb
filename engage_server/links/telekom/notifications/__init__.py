"""The portal calls us: ``POST /telekom/ta/m2madmcl`` and its three sisters. Needs the extra ``telekom``."""
