"""The certificate notice: the JSON that tells a device where its trust certificate is, and its hash."""

import hashlib
import json

from engage_server.errors import HostInvalid
from engage_server.protocol import paths
from engage_server.records import Host

MAX_CERT_URL_CHARACTERS = 256  # reported from the field; see the protocol notes, section 1 point 4
HTTP_PORT = 80


def digest_of(der: bytes) -> str:
    """The content name of a DER certificate: a prefix of its SHA-256, in lower-case hexadecimal."""
    return hashlib.sha256(der).hexdigest()[: paths.DIGEST_HEX_DIGITS]


def cert_url(host: Host, port: int, der: bytes) -> str:
    """The address from which a device fetches ``der``. Always plain HTTP: the device cannot trust TLS yet.

    Args:
        host: The host that stands in the URL.
        port: The port as devices see it; 80 is left out.
        der: The trust anchor.

    Raises:
        HostInvalid: The URL would be longer than devices read.
    """
    where = host.in_url if port == HTTP_PORT else f"{host.in_url}:{port}"
    url = f"http://{where}{paths.der_path(digest_of(der))}"
    if len(url) > MAX_CERT_URL_CHARACTERS:
        raise HostInvalid(
            f"with host {host} the cert_url has {len(url)} characters; devices read {MAX_CERT_URL_CHARACTERS}",
            f"Use a host name that is {len(url) - MAX_CERT_URL_CHARACTERS} characters shorter, or the address.",
        )
    return url


def notice_bytes(url: str, anchor_hash: str) -> bytes:
    """The body, compact and in the vendor's key order.

    Args:
        url: From :func:`cert_url`.
        anchor_hash: Base64 HMAC-SHA1 of the very bytes that ``url`` gives.
    """
    return json.dumps({"cert_url": url, "hash": anchor_hash}, separators=(",", ":")).encode("ascii")
