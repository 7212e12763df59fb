"""The address of a partner's own system, and whom it is trusted by: held against what can be called."""

import ssl
from urllib.parse import urlsplit

from engage_server.errors import UsageError
from engage_server.records import Upstream
from engage_server.shown_text import without_user

_MAX_URL_CHARACTERS = 1024

# Ours, not those of the Python that happens to run this: from 3.13 on its default is strict (RFC 5280), and refuses
# what private CAs look like, such as one without key usage; and only from then on may a chain end at a certificate that
# the operator named and that is no root. Whoever is named is trusted, by every version.
_VERIFY_FLAGS = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN


def assert_usable(upstream: Upstream) -> None:
    """Hold an operator's words against what can be called.

    Raises:
        UsageError: The address is none, holds a password, or the trusted certificates are none.
    """
    try:
        parts = urlsplit(upstream.url)
        has_host, _ = bool(parts.hostname), parts.port
    except ValueError:
        parts, has_host = urlsplit(""), False
    if parts.scheme not in ("http", "https") or not has_host or parts.query or parts.fragment:
        raise UsageError(
            f"{without_user(upstream.url)[:200]!r} is no address of an upstream system",
            "Give it as https://HOST[:PORT][/PATH].",
            code="upstream.url",
        )
    if "@" in parts.netloc:
        raise UsageError(
            "the address of the upstream system holds a user name",
            "Leave it out: devices' own Authorization is handed on, and addresses are shown in the open.",
            code="upstream.url",
        )
    if len(upstream.url) > _MAX_URL_CHARACTERS or not upstream.url.isascii() or any(map(str.isspace, upstream.url)):
        raise UsageError("the address of the upstream system is too long, or no URL", "Give it as https://HOST.")
    trust_of(upstream.trust_pem)


def trust_of(trust_pem: str) -> ssl.SSLContext:
    """The TLS context of a client that trusts these CAs.

    Args:
        trust_pem: Certificates in PEM; "" for those that the system trusts.

    Raises:
        UsageError: They cannot be read.
    """
    try:
        context = ssl.create_default_context(cadata=trust_pem or None)
        context.verify_flags = _VERIFY_FLAGS
        return context
    except (ssl.SSLError, ValueError):
        raise UsageError(
            "the certificates that the upstream system's chain shall lead to cannot be read",
            "Give a file with one or more certificates as PEM.",
            code="upstream.trust",
        ) from None
