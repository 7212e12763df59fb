"""What a trial asks of its two PostgreSQL servers, whoever decides which of them can be written to."""

from typing import Protocol

from tests.trials.databases.server import Server
from tests.trials.network import Machine


class Pair(Protocol):
    """Two servers: one follows the other."""

    @property
    def leader(self) -> Server:
        """The server that can be written to. Waits until there is one."""

    @property
    def standby(self) -> Server:
        """The other one."""

    @property
    def machines(self) -> tuple[Machine, Machine]:
        """Their machines."""

    def make(self) -> None:
        """Make the first server, with a database that is empty."""

    def make_standby(self) -> None:
        """Let the second one follow it. From then on, each commit is on both disks before it is confirmed."""

    def before_jump(self) -> None:
        """All clocks are about to be set."""

    def after_jump(self) -> None:
        """They are. Both ends of the replication took it for a silence, and parted: wait until they are together."""
