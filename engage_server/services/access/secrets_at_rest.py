"""Secrets of which only a digest is stored: links, cookies, tokens. Each has 32 random bytes, so one hash is enough."""

import hashlib
import secrets

SECRET_BYTES = 32


def new_secret() -> str:
    """Return 32 random bytes as text that fits into a URL, a cookie and a header: 43 characters."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest_of(secret: str) -> str:
    """Return what is stored of a secret: SHA-256, in hexadecimal."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
