"""How large a demonstration is, and how its doors are divided between its sites."""

from dataclasses import dataclass

from engage_server.errors import UsageError

LEAST_DOORS, DOORS, MOST_DOORS = 12, 300, 2000
LEAST_NIGHTS, NIGHTS, MOST_NIGHTS = 6, 60, 90  # the usual sighting_days: older nights would be removed at once

_SHARE_OF_CLINIC, _SHARE_OF_DEPOT = 16, 8  # percent; the campus has the rest


@dataclass(frozen=True, slots=True)
class DemoSize:
    """The size that somebody asked for.

    Attributes:
        doors: Of all sites together.
        nights: How many nights lie behind them.
    """

    doors: int = DOORS
    nights: int = NIGHTS

    def __post_init__(self) -> None:
        """Refuse a size that is too small for the story, or too large.

        Raises:
            UsageError: Too few or too many doors or nights.
        """
        for count, least, most, what in (
            (self.doors, LEAST_DOORS, MOST_DOORS, "doors"),
            (self.nights, LEAST_NIGHTS, MOST_NIGHTS, "nights"),
        ):
            if not least <= count <= most:
                raise UsageError(
                    f"a demonstration has {least} to {most} {what}, not {count}", f"Give another number: --{what}."
                )

    @property
    def at_clinic(self) -> int:
        """Doors of the clinic."""
        return max(3, self.doors * _SHARE_OF_CLINIC // 100)

    @property
    def at_depot(self) -> int:
        """Doors of the depot."""
        return max(2, self.doors * _SHARE_OF_DEPOT // 100)

    @property
    def at_campus(self) -> int:
        """Doors of the campus, the large site."""
        return self.doors - self.at_clinic - self.at_depot
