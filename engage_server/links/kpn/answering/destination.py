"""``POST /kpn/<destination>``: KPN's "HTTPS destination" calls it with the messages of devices.

KPN wants https on port 443. Its fields are ``Things-Plug-UUID``, ``Things-Message-Token`` and ``Content-Type:
application/json`` (docs.kpnthings.com, components/destinations/https). The token is made like that of a device, but
with a secret of the destination.
"""

import secrets
from collections.abc import Mapping, Sequence

from engage_server.errors import BodyInvalid, EngageError
from engage_server.links.ingress.call import Answer, Call, Route
from engage_server.links.journal.desk import Journal, LinkTables
from engage_server.links.kpn.answering.message import Message, read_message
from engage_server.links.kpn.answering.refusal import refused, unauthorized
from engage_server.links.kpn.device_name import NameKind
from engage_server.links.kpn.link_keys import KpnLink
from engage_server.links.kpn.message_token import FIELD, is_genuine
from engage_server.records import Secret

PLUG_FIELD = "things-plug-uuid"
MAX_BODY_BYTES = 64 * 1024
SERVICE = "kpn"


class Destinations:
    """Answers KPN's calls.

    Args:
        links: All links of KPN; those without a destination are known as links of devices.
        journal: Keeps events.
        tables: Knows which devices are registered.
    """

    def __init__(self, links: Sequence[KpnLink], journal: Journal, tables: LinkTables) -> None:
        self._links = {link.name: link for link in links}
        self._destinations = {link.destination: link for link in links if link.destination}
        self._journal = journal
        self._tables = tables
        self._nobody = Secret(secrets.token_bytes(32))

    def route(self) -> Route:
        """Return the address."""
        return Route("/kpn/<destination>", ("POST",), SERVICE, self.answer, MAX_BODY_BYTES)

    def answer(self, call: Call, variables: Mapping[str, str]) -> Answer:
        """Answer one call: 404, 401, 400, 503 or the configured success."""
        name = variables["destination"]
        link = self._destinations.get(name)
        if link is None:
            return refused(call, 404, "there is no such destination", f"destination {name}", "not found")
        where = f"link {link.name}"
        if not is_genuine(call.values(FIELD), call.body, link.secret or self._nobody):
            return unauthorized(call, _token_fault(call), where)
        try:
            message = read_message(call.body, call.at)
        except BodyInvalid as error:
            return refused(call, 400, str(error), where, str(error))
        try:
            owner = self._owner(message, link)
        except EngageError as error:  # the database is away
            return refused(call, 503, str(error), where, "try again later")
        event = message.event(owner, call.at, "message token", ", ".join(call.values(PLUG_FIELD)))
        if not self._journal.record([event]):
            return refused(call, 503, "the event cannot be kept", where, "try again later")
        return Answer(link.success_status)

    def _owner(self, message: Message, link: KpnLink) -> KpnLink:
        """Return the link that a message belongs to: that of its device, if the device is registered."""
        if message.device is None or message.device.kind is not NameKind.IMEI:
            return link
        device = self._tables.kpn_device(message.device.number)
        return link if device is None else self._links.get(device.link, link)


def _token_fault(call: Call) -> str:
    count = len(call.values(FIELD))
    return "the message token is wrong" if count == 1 else f"there are {count} message tokens"
