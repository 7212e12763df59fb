"""The paths that devices call (the protocol notes, sections 2, 3 and 5), and those of the vendor's sample.

"Lock" in a path is the vendor's old word for any device.
"""

NOTICE = "/swordfish/lock/certificates/current"
DER_PREFIX = "/certificates/"
DER_SUFFIX = ".der"
STATIC_CERTIFICATES = "/static/Device_Certificates/"  # in the vendor's sample

CONFIG_PREFIX = "/swordfish/lock/"
CONFIG = "config"  # devices spell it in any case
DATABASE_PREFIX = "/swordfish/lock/db/"
AUDIT = "/swordfish/lock/audit"
ALERT = "/swordfish/lock/alert"
CREDENTIAL_SCAN = "/api/credentials/scan"
CREDENTIAL = "/api/credentials"
CREDENTIAL_STATUS = "/api/credentials/status"

# 128 bits of SHA-256: two certificates do not get the same name by chance, and cert_url stays short
DIGEST_HEX_DIGITS = 32


def der_path(digest: str) -> str:
    """The path of the DER with this digest (see :func:`engage_server.protocol.notice.digest_of`)."""
    return f"{DER_PREFIX}{digest}{DER_SUFFIX}"
