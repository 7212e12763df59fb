"""The installation key, the key-encryption keys that open it, and the change of these."""
