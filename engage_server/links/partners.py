"""All partners: each reads its own keys of ``links.toml``, and answers at its own addresses.

Another partner joins with a line in :func:`prepare`.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from engage_server.links.ingress.call import Route
from engage_server.links.ingress.parts import Parts
from engage_server.links.kpn.answering.addresses import read_addresses
from engage_server.links.m2u.slots import read_slots
from engage_server.links.registry.links_file import LinksFile
from engage_server.links.sim.ingress_part import read_sim_part
from engage_server.links.telekom.ingress_part import read_telekom_part


class Prepared(Protocol):
    """A partner whose keys and secrets are read. Workers inherit it by the fork."""

    def routes(self, parts: Parts) -> Sequence[Route]:
        """Return its addresses. Called in each worker.

        Args:
            parts: What this worker gives it.
        """


def prepare(file: LinksFile) -> Sequence[Prepared]:
    """Read the keys of all partners, and the files of their secrets.

    Raises:
        EngageError: One cannot be used.
    """
    return tuple(_each(file))


def _each(file: LinksFile) -> Iterator[Prepared]:
    yield read_slots(file)
    yield read_addresses(file)
    yield read_telekom_part(file)
    yield read_sim_part(file)
