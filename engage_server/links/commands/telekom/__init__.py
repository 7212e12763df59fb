"""The commands of ``engage telekom``."""
