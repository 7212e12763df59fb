"""The key-encryption key outside of the database: where it comes from, who needs it, and how it is replaced."""
