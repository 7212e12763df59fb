"""The certificate notice: JSON with the address of a device's trust certificate, and its hash."""

import hashlib
import json

from engage_server.errors import HostInvalid
from engage_server.protocol import paths
from engage_server.records import Host

MAX_CERT_URL_CHARACTERS = 256  # reported from the field; see the protocol notes, section 1 point 4
HTTP_PORT = 80


def digest_of(der: bytes) -> str:
    """The name of a DER certificate by its content: a prefix of its SHA-256, in lower-case hexadecimal."""
    return hashlib.sha256(der).hexdigest()[: paths.DIGEST_HEX_DIGITS]


def cert_url(host: Host, port: int, der: bytes) -> str:
    """The address from which a device downloads ``der``. It is always plain HTTP: the device cannot trust TLS yet.

    Args:
        host: The host in the URL.
        port: The port as devices see it; 80 is left out.
        der: The trust anchor.

    Raises:
        HostInvalid: The URL would be longer than devices accept.
    """
    where = host.in_url if port == HTTP_PORT else f"{host.in_url}:{port}"
    url = f"http://{where}{paths.der_path(digest_of(der))}"
    if len(url) > MAX_CERT_URL_CHARACTERS:
        raise HostInvalid(
            f"with host {host}, cert_url has {len(url)} characters; devices read {MAX_CERT_URL_CHARACTERS}",
            f"Use a host name that is {len(url) - MAX_CERT_URL_CHARACTERS} characters shorter, or the address.",
        )
    return url


def notice_bytes(url: str, anchor_hash: str) -> bytes:
    """Write the body of the notice, compact and in the vendor's key order.

    Args:
        url: From :func:`cert_url`.
        anchor_hash: Base64 HMAC-SHA1 of the exact bytes at ``url``.
    """
    return json.dumps({"cert_url": url, "hash": anchor_hash}, separators=(",", ":")).encode("ascii")
