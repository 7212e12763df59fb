"""Checks the address of a partner's own system, and the CAs to trust for it."""

import ssl
from urllib.parse import urlsplit

from engage_server.errors import UsageError
from engage_server.records import Upstream
from engage_server.shown_text import without_user

_MAX_URL_CHARACTERS = 1024

# Our flags, not those of the Python version. From 3.13 on its default is strict (RFC 5280) and refuses usual private
# CAs, such as one without key usage. Earlier versions refuse a chain that ends at a named certificate that is not a
# root. With our flags, every version trusts the certificates that the operator names.
_VERIFY_FLAGS = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN


def assert_usable(upstream: Upstream) -> None:
    """Check that an upstream system can be called.

    Raises:
        UsageError: The address is not valid or contains a user name, or the trusted certificates cannot be read.
    """
    try:
        parts = urlsplit(upstream.url)
        has_host, _ = bool(parts.hostname), parts.port
    except ValueError:
        parts, has_host = urlsplit(""), False
    if parts.scheme not in ("http", "https") or not has_host or parts.query or parts.fragment:
        raise UsageError(
            f"{without_user(upstream.url)[:200]!r} is not an address of an upstream system",
            "Give it as https://HOST[:PORT][/PATH].",
            code="upstream.url",
        )
    if "@" in parts.netloc:
        raise UsageError(
            "the address of the upstream system contains a user name",
            "Leave it out. The devices' own Authorization is passed on, and this address is not kept secret.",
            code="upstream.url",
        )
    if len(upstream.url) > _MAX_URL_CHARACTERS or not upstream.url.isascii() or any(map(str.isspace, upstream.url)):
        raise UsageError("the address of the upstream system is too long or not a URL", "Give it as https://HOST.")
    trust_of(upstream.trust_pem)


def trust_of(trust_pem: str) -> ssl.SSLContext:
    """The TLS context of a client that trusts these CAs.

    Args:
        trust_pem: Certificates in PEM; "" for the CAs that the system trusts.

    Raises:
        UsageError: They cannot be read.
    """
    try:
        context = ssl.create_default_context(cadata=trust_pem or None)
        context.verify_flags = _VERIFY_FLAGS
        return context
    except (ssl.SSLError, ValueError):
        raise UsageError(
            "the trusted certificates for the upstream system cannot be read",
            "Give a file with one or more certificates as PEM.",
            code="upstream.trust",
        ) from None
