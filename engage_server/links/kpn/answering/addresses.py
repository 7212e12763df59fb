"""All addresses of KPN: the destinations, and the ingestion of devices."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engage_server.links.ingress.call import Route
from engage_server.links.ingress.parts import Parts
from engage_server.links.kpn.answering.destination import Destinations
from engage_server.links.kpn.answering.ingestion import Ingestion
from engage_server.links.kpn.answering.recent_messages import RecentMessages
from engage_server.links.kpn.link_keys import KpnLink, read_link
from engage_server.links.registry.links_file import LinksFile

RECENT = Path("kpn") / "recent"


@dataclass(frozen=True, slots=True)
class KpnAddresses:
    """All links of KPN, read.

    Attributes:
        links: The links, with the secrets of their destinations.
    """

    links: Sequence[KpnLink]

    def routes(self, parts: Parts) -> Sequence[Route]:
        """Return the addresses. Each host serves those whose service its table lists."""
        recent = RecentMessages(parts.folder / RECENT)
        return (
            Destinations(self.links, parts.journal, parts.tables).route(),
            Ingestion(self.links, parts.journal, parts.tables, recent).route(),
        )


def read_addresses(file: LinksFile) -> KpnAddresses:
    """Read all links of KPN, and the secrets of their destinations.

    Raises:
        SettingsInvalid: A key or a secret cannot be used.
    """
    return KpnAddresses([read_link(link) for link in file.of_partner("kpn")])
