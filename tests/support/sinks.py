"""Takes sightings and keeps them."""

from typing import Any


class Sink:
    """Where sightings go."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []

    def append(self, lines: Any) -> bool:
        self.kept += lines
        return True
