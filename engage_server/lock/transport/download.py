"""The plain HTTP part: request the notice, download the DER, check the hash."""

import json
import socket
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import urlsplit

from cryptography import x509

from engage_server.errors import CertificateInvalid, NotPossible
from engage_server.lock.acceptance.chain import key_bits_of
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.refusal import DeviceRefusal
from engage_server.lock.transport.http import DeviceResponse, read_response, request_bytes
from engage_server.lock.transport.unreachable import what_to_do_about
from engage_server.pki.encodings import read_der
from engage_server.protocol.site_key import anchor_hash, hashes_equal
from engage_server.records import Secret

HTTP_PORT = 80
_AS_THEY_ARE: Mapping[int, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Notice:
    """A host's notice: the address of the certificate, and its hash."""

    cert_url: str
    hash: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """A certificate that a device has installed as its trust anchor."""

    certificate: x509.Certificate
    der: bytes = field(repr=False)


def get(host: str, port: int, target: str, limits: DeviceLimits, *, named: str = "") -> DeviceResponse:
    """Send one GET request on a new connection.

    Args:
        host: The host to connect to.
        port: Its port.
        target: Path and query.
        limits: The limits of the device.
        named: The host in the Host header, if it is another one: as from a device whose DNS leads to ``host``.

    Raises:
        DeviceRefusal: A device would not accept the answer.
        NotPossible: There is no connection or no answer.
    """
    authority = f"[{host}]" if ":" in host else host
    try:
        with closing(socket.create_connection((host, port), timeout=limits.seconds)) as connection:
            called = authority if not named else f"[{named}]" if ":" in named else named
            connection.sendall(request_bytes(target, called if port == HTTP_PORT else f"{called}:{port}"))
            return read_response(connection.recv, limits)
    except TimeoutError:
        raise NotPossible(
            f"http://{authority}:{port}: no answer within {limits.seconds:g} s",
            "Check that the host is up and can be reached.",
        ) from None
    except OSError as error:
        raise NotPossible(
            f"http://{authority}:{port}: {error.strerror or error}",
            what_to_do_about(error, "Check that the host is up and that this is its HTTP port."),
        ) from None


def read_notice(response: DeviceResponse, limits: DeviceLimits) -> Notice:
    """Read the notice's JSON.

    Raises:
        DeviceRefusal: It is not a JSON object with both strings, or devices do not call such a URL.
    """
    content_type = response.header("Content-Type").partition(";")[0].strip()
    if content_type != "application/json":
        raise DeviceRefusal(
            f"the notice is sent with Content-Type {content_type or 'missing'}", "Send application/json."
        )
    try:
        notice = json.loads(response.body)
        cert_url, hash_text = notice["cert_url"], notice["hash"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DeviceRefusal("the notice is not JSON with cert_url and hash") from None
    if not isinstance(cert_url, str) or not isinstance(hash_text, str):
        raise DeviceRefusal("cert_url and hash in the notice are not both strings")
    if not cert_url.startswith("http://"):
        raise DeviceRefusal(
            f"cert_url is {cert_url[:60]!r}, but a device without an anchor can only use http://",
            "Serve the DER by plain HTTP.",
        )
    if len(cert_url) > limits.cert_url_characters:
        raise DeviceRefusal(f"cert_url has {len(cert_url)} characters; devices read {limits.cert_url_characters}")
    return Notice(cert_url, hash_text)


def download(notice: Notice, limits: DeviceLimits, ports: Mapping[int, int] = _AS_THEY_ARE) -> bytes:
    """Download the DER from the address in the notice.

    Args:
        notice: The notice.
        limits: The limits of the device.
        ports: Ports to replace by others, as a NAT in front does for devices.

    Raises:
        DeviceRefusal: A device would not accept the URL or the answer.
        NotPossible: There is no connection or no answer.
    """
    try:
        url = urlsplit(notice.cert_url)
        host, port = url.hostname, url.port or HTTP_PORT
    except ValueError:
        raise DeviceRefusal(f"cert_url cannot be read: {notice.cert_url!r}") from None
    if not host or not notice.cert_url.isascii():
        raise DeviceRefusal(f"cert_url cannot be read: {notice.cert_url!r}")
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    try:
        response = get(host, ports.get(port, port), target, limits)
    except NotPossible as error:  # the reader may have named another host
        raise NotPossible(
            f"{error.sentence}; the notice's cert_url names {host}",
            "Devices download from there. Make this host reachable from here, or correct cert_url.",
        ) from None
    content_type = response.header("Content-Type")
    if content_type != "application/octet-stream":
        raise DeviceRefusal(
            f"the DER is sent with Content-Type {content_type or 'missing'}", "Send application/octet-stream."
        )
    if response.header("Content-Encoding"):
        raise DeviceRefusal("the DER is sent compressed", "Send the bytes uncompressed.")
    return response.body


def install(der: bytes, notice: Notice, key: Secret, limits: DeviceLimits) -> Anchor:
    """Check the hash with the device's site key, and install the certificate as trust anchor.

    Raises:
        DeviceRefusal: The hash is wrong, or the bytes are not a certificate that a device can use.
    """
    if not hashes_equal(anchor_hash(key, der), notice.hash):
        raise DeviceRefusal(
            "the hash in the notice is not HMAC-SHA1(site key, DER) with this device's site key",
            "The site key is wrong, or the hash is of another file. Devices download this and never connect by TLS.",
        )
    try:
        certificate = read_der(der, source="the download")
    except CertificateInvalid:
        raise DeviceRefusal("the download is not a DER certificate", "Serve DER, not PEM or a text dump.") from None
    key_bits = key_bits_of(certificate)
    if key_bits > limits.rsa_key_bits:
        raise DeviceRefusal(f"the anchor's key has {key_bits} bits; devices accept at most {limits.rsa_key_bits}")
    return Anchor(certificate, der)
