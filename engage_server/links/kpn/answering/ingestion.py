"""``POST /ingestion/m2m/senml/v1``: devices on KPN SIMs report straight to us, in the form that the document gives.

The base name (``bn``) says which device reports, and so which secret proves it. The answer carries at most one message
to the device: the one that is executing.
"""

import logging
import secrets
from collections.abc import Mapping, Sequence

from engage_server.errors import BodyInvalid, EngageError
from engage_server.links.ingress.call import Answer, Call, Route
from engage_server.links.journal.desk import Journal, LinkTables
from engage_server.links.kpn.answering.destination import MAX_BODY_BYTES
from engage_server.links.kpn.answering.message import Message, read_message
from engage_server.links.kpn.answering.recent_messages import RecentMessages
from engage_server.links.kpn.answering.refusal import refused, unauthorized
from engage_server.links.kpn.device_name import NameKind
from engage_server.links.kpn.link_keys import KpnLink
from engage_server.links.kpn.message_token import FIELD, is_genuine
from engage_server.records import KpnDevice, Secret, read_address

PATH = "/ingestion/m2m/senml/v1"
SERVICE = "kpn-ingestion"
SENML_JSON = "application/senml+json"  # RFC 8428 section 12.3.1; the document names no type for answers
UNPROVEN = "none: private network alone"

_NOWHERE = "ingestion"
_log = logging.getLogger(__name__)


class Ingestion:
    """Answers devices.

    Args:
        links: All links of KPN.
        journal: Keeps events.
        tables: Knows devices, their secrets and what waits for them.
        recent: Knows which messages came lately, to all workers of this end.
    """

    def __init__(self, links: Sequence[KpnLink], journal: Journal, tables: LinkTables, recent: RecentMessages) -> None:
        self._links = {link.name: link for link in links}
        self._journal = journal
        self._tables = tables
        self._recent = recent
        self._nobody = Secret(secrets.token_bytes(32))

    def route(self) -> Route:
        """Return the address."""
        return Route(PATH, ("POST",), SERVICE, self.answer, MAX_BODY_BYTES)

    def answer(self, call: Call, _variables: Mapping[str, str]) -> Answer:
        """Answer one call: 400, 401, 503, or 200 with or without a message to the device."""
        try:
            message = read_message(call.body, call.at)
        except BodyInvalid as error:
            return refused(call, 400, str(error), _NOWHERE, str(error))
        if message.device is None or message.device.kind is not NameKind.IMEI:
            reason = "the SenML pack does not name one device by its IMEI"
            return refused(call, 400, reason, _NOWHERE, f"{reason}: urn:dev:IMEI:...")
        try:
            return self._of_device(call, message, message.device.number)
        except EngageError as error:  # the database is away, or a secret was sealed with another key
            return refused(call, 503, str(error), _NOWHERE, "try again later")

    def _of_device(self, call: Call, message: Message, imei: str) -> Answer:
        device = self._tables.kpn_device(imei)
        link = None if device is None else self._links.get(device.link)
        if device is None or link is None:
            is_genuine(call.values(FIELD), call.body, self._nobody)  # so that it takes as long as a wrong token
            reason = f"no device {imei}" if device is None else f"device {imei}: no link {device.link} in links.toml"
            return unauthorized(call, reason, _NOWHERE)
        fault = self._fault(call, device, link)
        if fault:
            return unauthorized(call, f"device {imei}: {fault}", f"link {link.name}")
        if message.states_its_time and self._recent.holds(message.key):
            return Answer(200)
        proof = UNPROVEN if device.sealed_secret is None else "message token"
        if not self._journal.record([message.event(link, call.at, proof)]):
            return refused(call, 503, "the event cannot be kept", f"link {link.name}", "try again later")
        return self._with_downlink(call, device) if self._recent.add(message.key) else Answer(200)

    def _fault(self, call: Call, device: KpnDevice, link: KpnLink) -> str:
        """Say why a call is not proven to be the device's. "" if it is.

        A device that was registered with a secret is never accepted without it, even if its secret cannot be opened.
        """
        if device.sealed_secret is None:
            address = read_address(call.address)
            is_inside = address is not None and link.private_network is not None and address in link.private_network
            return "" if is_inside else "it has no secret, and the call is not from the link's private network"
        secret = self._tables.kpn_secret(device)
        if secret is None:
            return "its secret cannot be opened here: the key of the links is missing"
        return "" if is_genuine(call.values(FIELD), call.body, secret) else "wrong, missing or doubled message token"

    def _with_downlink(self, call: Call, device: KpnDevice) -> Answer:
        """Answer a report that is kept. If the tables are away, what waits for the device waits for its next report."""
        try:
            downlink = self._tables.executing_downlink(device.imei)
        except EngageError as error:
            _log.warning("KPN: whether a downlink waits for device %s is not known: %s", device.imei, error)
            downlink = None
        if downlink is None or not self._tables.deliver(downlink, call.at):
            return Answer(200)
        return Answer(200, downlink.content.encode(), SENML_JSON)
