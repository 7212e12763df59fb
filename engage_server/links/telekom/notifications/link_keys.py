"""The keys of a link of Telekom's in ``links.toml``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engage_server.links.registry.links_file import LinksFile
from engage_server.links.registry.table import read_table
from engage_server.links.telekom.certificates.profiles import Environment


@dataclass(frozen=True, slots=True)
class _Keys:
    environment: Literal["ta", "pe"]
    identifiers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TelekomLink:
    """A site's SIM, or several.

    Attributes:
        name: The link's.
        site: Its site.
        environment: Of the portal.
        identifiers: A notification belongs to the link if one of these is the whole text of an element in its Body.
    """

    name: str
    site: str
    environment: Environment
    identifiers: tuple[str, ...]


def read_telekom_links(file: LinksFile) -> Sequence[TelekomLink]:
    """Read all links of Telekom's.

    Raises:
        SettingsInvalid: One has a wrong key, no identifier, or one that another link of its environment has, too.
    """
    found: list[TelekomLink] = []
    for link in file.of_partner("telekom"):
        keys = read_table(_Keys, link.rest, link.where)
        if not keys.identifiers:
            raise link.where.refused(
                "there is no identifier", 'Name its SIMs: identifiers = ["8949020000001234567"]', "identifiers"
            )
        here = TelekomLink(link.name, link.site, Environment(keys.environment), keys.identifiers)
        for other in found:
            if other.environment is here.environment and set(other.identifiers) & set(here.identifiers):
                raise link.where.refused(
                    f"the link {other.name} has the same identifier", "Name each SIM in one link.", "identifiers"
                )
        found.append(here)
    return found
