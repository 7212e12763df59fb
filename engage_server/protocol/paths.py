"""The addresses that devices call. "Lock" is the vendor's legacy word for any device."""

NOTICE = "/swordfish/lock/certificates/current"
DER_PREFIX = "/certificates/"
DER_SUFFIX = ".der"

# 128 bits of SHA-256: nobody can make two certificates with the same name, and cert_url stays short
DIGEST_HEX_DIGITS = 32


def der_path(digest: str) -> str:
    """The path of the DER whose digest this is (see :func:`engage_server.protocol.notice.digest_of`)."""
    return f"{DER_PREFIX}{digest}{DER_SUFFIX}"
