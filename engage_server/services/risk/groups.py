"""Doors with the same trouble and the same remedy, listed together. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from engage_server.services.risk.kinds import Kind, Severity
from engage_server.services.risk.known import DoorAtRisk


@dataclass(frozen=True, slots=True)
class RiskGroup:
    """Some doors whose worst risk is of one kind.

    Attributes:
        kind: The kind.
        mend: What to do about each: ``SERIAL`` stands for its serial number or address.
        doors: The doors, in the order in which they were given.
    """

    kind: Kind
    mend: str
    doors: tuple[DoorAtRisk, ...]

    @property
    def severity(self) -> Severity:
        """How bad it is for each."""
        return self.kind.severity


def groups_of(doors: Iterable[DoorAtRisk]) -> tuple[RiskGroup, ...]:
    """Group doors by their worst risk. The first door of a group decides where the group stands."""
    found: dict[tuple[str, str], list[DoorAtRisk]] = {}
    for door in doors:
        worst = door.risks[0]
        found.setdefault((worst.kind.code, _for_all(door)), []).append(door)
    return tuple(RiskGroup(some[0].risks[0].kind, mend, tuple(some)) for (_, mend), some in found.items())


def _for_all(door: DoorAtRisk) -> str:
    """The remedy of one door in words that fit the others, too, and without the command that shows it."""
    mend = door.risks[0].mend.partition(f" engage device show {door.identity}")[0]
    return mend.replace(door.identity, "SERIAL")
