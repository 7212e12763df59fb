"""Answers the portal's calls: verified strictly, kept as one event, answered with a signature."""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lxml import etree

from engage_server.errors import FileNotUsable
from engage_server.links.ingress.call import Answer, Call, Route
from engage_server.links.journal.desk import Journal
from engage_server.links.telekom.certificates.profiles import Environment
from engage_server.links.telekom.messages.names import MAX_BYTES
from engage_server.links.telekom.messages.refusals import MessageRefused
from engage_server.links.telekom.messages.replays import Replays
from engage_server.links.telekom.messages.signing import Signer
from engage_server.links.telekom.messages.verifying import Trust, Verified, verify
from engage_server.links.telekom.notifications import answers
from engage_server.links.telekom.notifications.acknowledgement import Acknowledgement
from engage_server.links.telekom.notifications.link_keys import TelekomLink
from engage_server.records import PathEvent, PathSays
from engage_server.shown_text import shown_text

PORTS = ("m2madmcl", "m2mmoncl")  # the two services that the document wants of a partner
NOTIFICATION = "telekom_notification"
_SHOWN = 200
_TYPE = re.compile(r"text/xml(?:\s*;\s*charset\s*=\s*\"?(?P<charset>[A-Za-z0-9._-]+)\"?)?\s*;?", re.IGNORECASE)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Agreed:
    """What was agreed with Telekom for one environment.

    Attributes:
        environment: Which.
        trust: What the portal's messages must be signed with.
        signer: What our answers are signed with.
        acknowledgement: What a notification is answered with.
        acknowledgements: What others are answered with, by the name of the element in their Body.
        links: The links of this environment.
    """

    environment: Environment
    trust: Trust
    signer: Signer
    acknowledgement: Acknowledgement
    acknowledgements: Mapping[str, Acknowledgement]
    links: tuple[TelekomLink, ...]


class NotificationDesk:
    """Answers what the portal sends for one environment.

    Args:
        agreed: What was agreed.
        journal: Keeps events.
        replays: Remembers messages. All workers of this host share it.
    """

    def __init__(self, agreed: Agreed, journal: Journal, replays: Replays) -> None:
        self._agreed = agreed
        self._journal = journal
        self._replays = replays

    def routes(self) -> Sequence[Route]:
        """Return both addresses."""
        environment = self._agreed.environment
        return [
            Route(f"/telekom/{environment}/{port}", ("POST",), f"telekom-{environment}", self.answer, MAX_BYTES)
            for port in PORTS
        ]

    def answer(self, call: Call, _variables: Mapping[str, str]) -> Answer:
        """Answer one call: 200 or 503 signed, 415 or 500 not signed."""
        if not _is_xml(call):
            return self._refused(call, "telekom.content_type", 415)
        try:
            message = verify(call.body, self._agreed.trust, call.at, self._replays)
        except MessageRefused as refused:
            if refused.code == "wsse.replays_full":
                return self._not_now(call, "it cannot be remembered: too many messages")
            return self._refused(call, refused.code)
        except (OSError, FileNotUsable) as error:  # it could not be remembered, so it may not be accepted
            return self._not_now(call, f"it cannot be remembered: {error}")
        events = self._events(call, message)
        if not events:
            _log.warning("Telekom: %s belongs to no link of links.toml: telekom.no_link", _name_of(message))
        elif not self._journal.record(events):
            self._replays.forget(message.signature, message.expires)
            return self._not_now(call, "the event cannot be kept")
        agreed = self._agreed
        content = agreed.acknowledgements.get(_name_of(message), agreed.acknowledgement).content(message.body)
        return answers.signed(content, agreed.signer, call.at)

    def _events(self, call: Call, message: Verified) -> list[PathEvent]:
        texts = {(element.text or "").strip() for element in message.body.iter(etree.Element)}
        found = []
        for link in self._agreed.links:
            named = sorted(texts & set(link.identifiers))
            if named:
                detail = {
                    "message": _name_of(message),
                    "service": call.path.rpartition("/")[2],
                    "environment": str(self._agreed.environment),
                    "identifiers": " ".join(named),
                    "created": message.created.isoformat(),
                    "sha256": message.digest,
                }
                # what it says of the path only the schema could tell, and that is under contract
                event = PathEvent(link.site, link.name, call.at, NOTIFICATION, PathSays.NOTHING, detail, message.digest)
                found.append(event)
        return found

    def _refused(self, call: Call, code: str, status: int = 500) -> Answer:
        shown = shown_text(call.path[:_SHOWN])
        _log.warning("Telekom: refused a message of %s to %s: %s", call.address, shown, code)
        return answers.refused(status)

    def _not_now(self, call: Call, why: str) -> Answer:
        _log.error("Telekom: a message to %s was verified, but %s", shown_text(call.path[:_SHOWN]), why)
        return answers.signed(answers.fault("Server", answers.NOT_NOW), self._agreed.signer, call.at, 503)


def _is_xml(call: Call) -> bool:
    """Whether the body is called SOAP 1.1, in an encoding that we read (SOAP 1.1 section 6)."""
    types = call.values("content-type")
    matched = _TYPE.fullmatch(types[0].strip()) if len(types) == 1 else None
    return matched is not None and (matched["charset"] or "utf-8").lower() in ("utf-8", "utf-16")


def _name_of(message: Verified) -> str:
    """The names of what is in the Body."""
    names = ", ".join(etree.QName(child).localname for child in message.body) or "an empty Body"
    return shown_text(names[:_SHOWN])
