"""SIMs in the ingress: they have no address. A fault in their tables stops the start, as any other does."""

from collections.abc import Sequence

from engage_server.links.ingress.call import Route
from engage_server.links.ingress.parts import Parts
from engage_server.links.registry.links_file import LinksFile
from engage_server.links.sim.accounts import read_accounts, read_sim_links


class SimPart:
    """Implements :class:`engage_server.links.partners.Prepared`. Nobody calls in: the poll asks."""

    def routes(self, parts: Parts) -> Sequence[Route]:
        """Return none."""
        return ()


def read_sim_part(file: LinksFile) -> SimPart:
    """Check the tables of accounts and of links whose path is a SIM. Contracts and secrets are not read.

    Raises:
        SettingsInvalid: One is wrong.
    """
    read_accounts(file)
    read_sim_links(file)
    return SimPart()
