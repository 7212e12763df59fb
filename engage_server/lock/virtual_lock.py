"""A virtual lock: what makes it request the certificate, and what it does with the answer."""

from collections.abc import Generator, Iterator
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote, urlsplit

from cryptography import x509

from engage_server.lock.firmware import Firmware
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.memory import DeviceMemory
from engage_server.lock.night_calls import NightCalls
from engage_server.lock.refusal import DeviceRefusal
from engage_server.lock.step import Step
from engage_server.lock.target import Target
from engage_server.lock.transport.download import HTTP_PORT, Anchor, Notice, download, get, install, read_notice
from engage_server.lock.transport.tls import SecureConnection, TlsRefusal, secure_connection
from engage_server.protocol import paths
from engage_server.protocol.notice import digest_of
from engage_server.protocol.serial_number import encode_serial
from engage_server.records import Secret
from engage_server.shown_text import shown_text

SAMPLE_SERIAL = "0000000000000000A0B1000000000206"


class Trigger(StrEnum):
    """What makes a device call its host (the protocol notes, section 1)."""

    COMMISSIONING = "commissioning"  # it has no anchor yet
    NIGHT = "night"  # it calls by TLS with its anchor, and requests another only if TLS fails
    MANUAL = "manual-update"  # a person chose "update from server"
    FACTORY_RESET = "factory-reset"  # it lost its anchor


class VirtualLock:
    """One virtual device.

    Args:
        target: The host that it calls.
        key: Its site key.
        limits: Its limits.
        firmware: Its behaviour where the vendor's pages do not define it.
        serial: Its serial number as 32 hexadecimal digits; None to send none.
        memory: Its state from earlier calls.
        only_target: Whether to refuse a ``cert_url`` of another host. A real device would call that host.

    Attributes:
        memory: Its current state.
    """

    def __init__(
        self,
        target: Target,
        key: Secret,
        limits: DeviceLimits,
        firmware: Firmware,
        serial: str | None = None,
        memory: DeviceMemory | None = None,
        *,
        only_target: bool = False,
    ) -> None:
        self._target, self._key, self._limits, self._firmware = target, key, limits, firmware
        self._serial, self._only_target = serial, only_target
        self.memory = memory or DeviceMemory()

    def run(self, trigger: Trigger, now: datetime, *, call_in: bool = False) -> Iterator[Step]:
        """Do what a device does on this trigger, step by step. Stops where a device would stop.

        Args:
            trigger: What happened to the device.
            now: Timezone-aware.
            call_in: Whether to make the nightly call-in after TLS succeeded.

        Raises:
            NotPossible: There is no connection or no answer. This is a network problem, not a fault of the chain.
        """
        if trigger in (Trigger.COMMISSIONING, Trigger.FACTORY_RESET):
            self.memory = DeviceMemory()
        held = self.memory.anchor_der
        if trigger is Trigger.NIGHT and held and (yield from self._call(held, None, now, call_in=call_in)):
            return
        taken = yield from self._take_anchor(now)
        if taken is None or not (yield from self._call(taken[0], taken[1], now, call_in=call_in)):
            self.memory = self.memory.failed()

    def _take_anchor(self, now: datetime) -> Generator[Step, None, tuple[bytes, Notice] | None]:
        """Get notice and DER, and check the hash. None if a device would silently stop and keep its anchor."""
        name = "notice"
        try:
            response = get(self._target.host, self._target.http_port, self._notice_target(), self._limits)
            notice = read_notice(response, self._limits)
            yield Step(name, ok=True, sentence=f"the host says: {shown_text(notice.cert_url)}")
            name = "download"
            if self._only_target:
                self._assert_leads_here(notice)
            der = download(notice, self._limits, self._target.ports_behind_nat)
            yield Step(name, ok=True, sentence=f"downloaded {len(der)} bytes, SHA-256 {digest_of(der)}...")
            name = "hash"
            anchor = install(der, notice, self._key, self._limits)
            yield Step(name, ok=True, sentence="HMAC-SHA1 with the site key matches the notice")
        except DeviceRefusal as refusal:
            yield Step(name, ok=False, sentence=refusal.sentence, next_step=refusal.next_step)
            return None
        self.memory = self.memory.with_anchor(anchor.der, now)
        yield Step("anchor", ok=True, sentence=f"trusting only {_describe(anchor)}")
        return anchor.der, notice

    def _assert_leads_here(self, notice: Notice) -> None:
        try:
            url = urlsplit(notice.cert_url)
            where = url.hostname, url.port or HTTP_PORT
        except ValueError:
            where = None, 0
        if where != (self._target.host.lower(), self._target.http_port):
            raise DeviceRefusal(
                f"cert_url leads to another host, so it is not called: {notice.cert_url[:80]}",
                "Call the host by the address in cert_url.",
            )

    def _call(
        self, anchor_der: bytes, known: Notice | None, now: datetime, *, call_in: bool
    ) -> Generator[Step, None, bool]:
        """Call by TLS with this anchor. False if a device would now request another anchor."""
        anchor = x509.load_der_x509_certificate(anchor_der)
        name = "tls"
        try:
            target, limits = self._target, self._limits
            with secure_connection(target.host, target.https_port, anchor, limits, self._firmware) as connection:
                yield Step(name, ok=True, sentence=self._describe_tls(connection))
                name = "request"
                yield Step(name, ok=True, sentence=self._ask_again(connection, known))
                if call_in:
                    yield from self._call_in(connection, now)
        except TlsRefusal as refusal:
            yield Step("tls", ok=False, sentence=refusal.sentence, next_step=refusal.next_step)
            return False
        except DeviceRefusal as refusal:
            yield Step(name, ok=False, sentence=refusal.sentence, next_step=refusal.next_step)
            return True  # its anchor works, so it does not request another
        self.memory = self.memory.answered()
        return True

    def _call_in(self, connection: SecureConnection, now: datetime) -> Iterator[Step]:
        calls = NightCalls(connection, self._serial or SAMPLE_SERIAL, self.memory.database_version, now)
        yield from calls.steps()
        self.memory = replace(self.memory, database_version=calls.database_version)

    def _ask_again(self, connection: SecureConnection, known: Notice | None) -> str:
        notice = read_notice(connection.request(self._notice_target()), self._limits)
        if known is None:
            return "the host answers by TLS"
        same = "the same notice" if notice == known else "another notice; a release was activated in between"
        return f"the host answers by TLS, with {same}"

    def _notice_target(self) -> str:
        if not self._serial or not self._firmware.sends_query:
            return paths.NOTICE
        return f"{paths.NOTICE}?serialNumber={quote(encode_serial(self._serial), safe='=+/')}&hashType=primary&v=2"

    def _describe_tls(self, connection: SecureConnection) -> str:
        return (
            f"{connection.version} with {connection.cipher}, chain of {connection.chain_bytes} of "
            f"{self._limits.chain_der_bytes} bytes, certificate for {self._target.host}"
        )


def accepted(steps: list[Step]) -> bool:
    """Whether the device ends up working. TLS may fail if a new anchor fixes it; no other step may fail."""
    return bool(steps) and steps[-1].ok and all(step.ok or step.name == "tls" for step in steps)


def _describe(anchor: Anchor) -> str:
    certificate = anchor.certificate
    return f"{certificate.subject.rfc4514_string()}, valid until {certificate.not_valid_after_utc:%Y-%m-%d}"
