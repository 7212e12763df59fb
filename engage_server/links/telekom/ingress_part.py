"""Telekom's part of the ingress. Without a host that serves it, nothing of the extra ``telekom`` is imported."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engage_server.links.ingress.call import Route
from engage_server.links.ingress.parts import Parts
from engage_server.links.registry.links_file import LinksFile
from engage_server.links.telekom.certificates.profiles import Environment
from engage_server.links.telekom.notifications.link_keys import read_telekom_links

if TYPE_CHECKING:
    from engage_server.links.telekom.notifications.desk import Agreed

REPLAYS = Path("telekom") / "replays"


@dataclass(frozen=True, slots=True)
class TelekomPart:
    """What was agreed, for each environment that a host serves."""

    agreed: "tuple[Agreed, ...]" = ()

    def routes(self, parts: Parts) -> Sequence[Route]:
        """Return the addresses of these environments."""
        if not self.agreed:
            return ()
        from engage_server.links.telekom.messages.replays import FolderReplays
        from engage_server.links.telekom.notifications.desk import NotificationDesk

        replays = FolderReplays(parts.folder / REPLAYS)
        return [route for each in self.agreed for route in NotificationDesk(each, parts.journal, replays).routes()]


def read_telekom_part(file: LinksFile) -> TelekomPart:
    """Read what Telekom's part needs.

    Raises:
        NotInstalled: A host serves it, and the extra ``telekom`` is not installed.
        SettingsInvalid: A key is missing or cannot be used.
        EngageError: A file cannot be used.
    """
    links = read_telekom_links(file)
    served = {service for host in file.hosts.values() for service in host.serves}
    environments = [each for each in Environment if f"telekom-{each}" in served]
    if not environments:
        return TelekomPart()
    from engage_server.links.telekom.notifications.agreed import read_agreed

    return TelekomPart(read_agreed(file, environments, links))
