"""``POST|GET /m2u/<slot>``: Talk2M calls it with what a router sends.

Talk2M promises that a router cannot forge its identity. It cannot promise that a call comes from Talk2M: anybody can
send the same header fields to us. So the login comes first, and only then the identity counts.
"""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engage_server.errors import EngageError
from engage_server.links.ingress.call import Answer, Call, Route
from engage_server.links.ingress.parts import Parts
from engage_server.links.journal.desk import Journal
from engage_server.links.m2u.identity import Identity, IdentityRefused, read_identity
from engage_server.links.m2u.login import Logins, presented_login
from engage_server.links.m2u.serial_memory import SerialMemory
from engage_server.links.m2u.slot_keys import Slot, read_slot
from engage_server.links.registry.links_file import LinksFile
from engage_server.records import PathEvent, PathSays
from engage_server.shown_text import shown_text

SERVICE = "m2u"
PATH = "/m2u/<slot>"
MESSAGE, NEW_SERIAL_NUMBER = "m2u_message", "m2u_new_serial_number"
_SHOWN = 200
_CHALLENGE = (("WWW-Authenticate", 'Basic realm="m2u", charset="UTF-8"'),)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class M2uSlots:
    """All links of Talk2M M2U, read.

    Attributes:
        slots: The slots.
    """

    slots: Sequence[Slot]

    def routes(self, parts: Parts) -> Sequence[Route]:
        """Return the address that all slots share."""
        desk = SlotDesk(self.slots, parts)
        return (Route(PATH, ("GET", "POST"), SERVICE, desk.answer),)


def read_slots(file: LinksFile) -> M2uSlots:
    """Read all links of Talk2M M2U.

    Raises:
        SettingsInvalid: One cannot be used, or demands certificates that no host asks for.
    """
    slots = []
    for link in file.of_partner("m2u"):
        slot = read_slot(link)
        hosts = [host for host in file.hosts.values() if SERVICE in host.serves]
        if slot.keys.client_certificate == "required" and all(host.client_certificates == "none" for host in hosts):
            raise link.where.refused(
                "no host that serves m2u asks for client certificates, so every call would be refused",
                'Set client_certificates = "optional" on that host.',
                "client_certificate",
            )
        slots.append(slot)
    return M2uSlots(tuple(slots))


class SlotDesk:
    """Answers calls.

    Args:
        slots: All slots.
        parts: What this worker gives.
    """

    def __init__(self, slots: Sequence[Slot], parts: Parts) -> None:
        self._slots = {slot.keys.slot: slot for slot in slots}
        self._journal: Journal = parts.journal
        self._memories = {slot.link: SerialMemory(parts.folder, slot.link) for slot in slots}
        self._nobody = Logins([])

    def answer(self, call: Call, variables: Mapping[str, str]) -> Answer:
        """Answer one call: 200, 400, 401, 403, 404 or 503."""
        slot = self._slots.get(variables["slot"])
        if slot is None:
            return _refused(call, 404, "there is no such slot", f"slot {variables['slot']}", "not found")
        where, keys = f"link {slot.link}", slot.keys
        if keys.client_certificate == "required" and call.client_certificate is None:
            return _refused(call, 403, "no client certificate", where, "client certificate required")
        presented = presented_login(call, keys.login_in, (keys.user_field, keys.password_field))
        is_right, device = slot.logins.device_of(presented)
        if not is_right:
            return _unauthorized(call, slot, "no login" if presented is None else "the login is wrong")
        try:
            identity = read_identity(call.fields)
        except IdentityRefused as refused:
            return _refused(call, 400, refused.reason, where, refused.reason)
        fault = _fault(slot, identity, device)
        if fault:
            return _refused(call, 403, fault, where, "not allowed")
        if not self._keep(call, slot, identity, device):
            return _refused(call, 503, "the event cannot be kept", where, "try again later")
        return Answer(200)

    def _keep(self, call: Call, slot: Slot, identity: Identity, device: str | None) -> bool:
        message = _message(call, slot, identity, device)
        memory = self._memories[slot.link]
        if not identity.serial or memory.last(identity.account, identity.device) == identity.serial:
            return self._journal.record([message])

        is_kept = False

        def record(last: str | None) -> bool:
            nonlocal is_kept
            events = [message] if last is None else [message, _new_serial_number(message, last)]
            is_kept = self._journal.record(events)
            return is_kept

        try:
            memory.change(identity.account, identity.device, identity.serial, record)
        except EngageError as error:
            _log.error("M2U: serial numbers of link %s cannot be remembered: %s", slot.link, error)
        return is_kept


def _fault(slot: Slot, identity: Identity, device: str | None) -> str:
    """Say why an identity is not allowed. "" if it is."""
    if identity.is_hidden:
        return "" if slot.keys.identity == "optional" else "the account hides the identity of its devices"
    if not slot.allows(identity.account, identity.device):
        return f"account {identity.account} with device {identity.device} is not on the list"
    if device is not None and device != identity.device:
        return f"the login is that of device {device}, and the message that of {identity.device}"
    return ""


def _message(call: Call, slot: Slot, identity: Identity, device: str | None) -> PathEvent:
    types = call.values("content-type")
    detail = {
        "account": identity.account,
        "device": identity.device or device or "",
        "serial_number": identity.serial,
        "content_type": shown_text(types[0][:_SHOWN]) if types else "",
        "size": str(len(call.body)),
    }
    if slot.keys.login_in != "form":  # a digest over a body that holds the password would help to guess it
        detail["sha256"] = hashlib.sha256(call.body).hexdigest()
    if call.client_certificate is not None:
        detail["client_certificate"] = hashlib.sha256(call.client_certificate).hexdigest()
    return PathEvent(slot.site, slot.link, call.at, MESSAGE, PathSays.WORKS, detail)


def _new_serial_number(message: PathEvent, last: str) -> PathEvent:
    detail = {
        "account": message.detail["account"],
        "device": message.detail["device"],
        "serial_number": message.detail["serial_number"],
        "before": last,
    }
    return PathEvent(message.site, message.link, message.at, NEW_SERIAL_NUMBER, PathSays.NOTHING, detail)


def _unauthorized(call: Call, slot: Slot, reason: str) -> Answer:
    """Refuse a login. The answer to a wrong password and to an unknown user is the same."""
    status = 401 if slot.keys.login_in == "basic" else 403  # a 401 must name a scheme (RFC 9110 section 11.6.1)
    answer = _refused(call, status, reason, f"link {slot.link}", "unauthorized")
    return Answer(status, answer.body, fields=_CHALLENGE if status == 401 else ())


def _refused(call: Call, status: int, reason: str, where: str, answer: str) -> Answer:
    """Log why a call is refused, and build its answer. It is never an event: a stranger could fill the store.

    Args:
        call: The call.
        status: The HTTP status.
        reason: For the log. Never a login.
        where: The link, or what the caller wrote.
        answer: What the caller gets to read.
    """
    shown, why = shown_text(where[:_SHOWN]), shown_text(reason[:_SHOWN])
    _log.warning("M2U: refused a call of %s to %s with %d: %s", call.address, shown, status, why)
    return Answer(status, json.dumps({"error": answer}).encode())
