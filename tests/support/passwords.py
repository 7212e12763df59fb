"""Passwords that cost nothing: a real hash takes 64 MiB and some hundredths of a second."""

from argon2 import PasswordHasher

from engage_server.services.access.passwords import Passwords


def quick_passwords() -> Passwords:
    """With the product's code, and with parameters that no server may have."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
