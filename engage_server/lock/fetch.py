"""One virtual lock's way from nothing to a secure connection, told step by step."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from engage_server.errors import UsageError
from engage_server.lock.certificate_download import HTTP_PORT, Anchor, download, get, install, read_notice
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.refusal import DeviceRefusal
from engage_server.lock.tls_connection import HTTPS_PORT, exchange
from engage_server.protocol import paths
from engage_server.protocol.notice import digest_of
from engage_server.protocol.serial_number import encode_serial
from engage_server.records import Secret


@dataclass(frozen=True, slots=True)
class Target:
    """Where the host is.

    Attributes:
        host: A name or an address, without brackets.
        http_port, https_port: Devices know no other than 80 and 443; a trial may.
    """

    host: str
    http_port: int = HTTP_PORT
    https_port: int = HTTPS_PORT

    @classmethod
    def from_url(cls, text: str, https_port: int = HTTPS_PORT) -> "Target":
        """Read ``http://HOST[:PORT]``, or ``HOST[:PORT]``.

        Raises:
            UsageError: It is no such address.
        """
        try:
            url = urlsplit(text if "://" in text else f"http://{text}")
            host, port = url.hostname, url.port or HTTP_PORT
        except ValueError:
            host, port, url = None, 0, urlsplit("")
        if not host or not host.isascii() or url.scheme != "http" or url.path.strip("/") or url.query:
            raise UsageError(
                f"{text[:80]!r} is not the address of a host",
                "Give the plain HTTP instance, without a path: http://locks.example.org or http://127.0.0.1:8080.",
            )
        return cls(host, port, https_port)


def read_serial(text: str) -> str:
    """A serial number as the command line has it.

    Raises:
        UsageError: It has not 32 hexadecimal digits.
    """
    try:
        encode_serial(text)
    except ValueError:
        raise UsageError(f"{text[:80]!r} is no serial number", "Give 16 bytes as 32 hexadecimal digits.") from None
    return text


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a device did.

    Attributes:
        name: Stable: ``notice``, ``download``, ``hash``, ``anchor``, ``tls``, ``request``.
        ok: False where a device would stop and keep what it has.
        sentence: What happened.
        next_step: How to mend the host; empty when all is well.
    """

    name: str
    ok: bool
    sentence: str
    next_step: str = field(default="")


def fetch(target: Target, key: Secret, limits: DeviceLimits, serial: str | None = None) -> Iterator[Step]:
    """Do what a device does after commissioning. Ends after the first step that a device would refuse.

    Args:
        target: The host.
        key: The device's site key.
        limits: The device's.
        serial: 32 hexadecimal digits; sent as devices send it. None sends none.

    Raises:
        NotPossible: A connection could not be made, or nothing came: a matter of the network, not of the chain.
    """
    done: list[Step] = []
    try:
        for step in _steps(target, key, limits, serial):
            done.append(step)
            yield step
    except DeviceRefusal as refusal:
        yield Step(_STEPS[len(done)], ok=False, sentence=refusal.sentence, next_step=refusal.next_step)


NOTICE_PATH = paths.NOTICE

_STEPS = ("notice", "download", "hash", "anchor", "tls", "request")


def _steps(target: Target, key: Secret, limits: DeviceLimits, serial: str | None) -> Iterator[Step]:
    query = f"?serialNumber={quote(encode_serial(serial), safe='=+/')}&hashType=primary&v=2" if serial else ""
    response = get(target.host, target.http_port, paths.NOTICE + query, limits)
    notice = read_notice(response, limits)
    yield Step("notice", ok=True, sentence=f"the host says: {notice.cert_url}")
    der = download(notice, limits)
    yield Step("download", ok=True, sentence=f"downloaded {len(der)} bytes, SHA-256 {digest_of(der)}...")
    anchor = install(der, notice, key, limits)
    yield Step("hash", ok=True, sentence="HMAC-SHA1 with the site key matches the notice")
    yield Step("anchor", ok=True, sentence=f"trusting nothing but {_describe(anchor)}")
    secure = exchange(target.host, target.https_port, paths.NOTICE + query, anchor, limits)
    yield Step(
        "tls",
        ok=True,
        sentence=f"{secure.version} with {secure.cipher}; chain of {secure.chain_bytes} of {limits.chain_der_bytes} "
        f"bytes; the certificate is for {target.host}",
    )
    again = read_notice(secure.response, limits)
    same = "the same notice" if again == notice else "another notice: a release was activated in between"
    yield Step("request", ok=True, sentence=f"the host answers by TLS, with {same}")


def _describe(anchor: Anchor) -> str:
    certificate = anchor.certificate
    return f"{certificate.subject.rfc4514_string()}, valid until {certificate.not_valid_after_utc:%Y-%m-%d}"
