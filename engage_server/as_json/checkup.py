"""What ``engage doctor`` found."""

from collections.abc import Sequence

from engage_server.as_json.formats import Shape
from engage_server.services.installation.checkup import Check, Level


class CheckJson(Shape):
    """One check of the installation."""

    name: str
    """Stable, for scripts."""
    level: Level
    """``warning``: it may be intended, or become a problem later. ``problem``: it does harm now."""
    sentence: str
    """What was found, and where."""
    next_step: str
    """What to do. Empty: nothing."""


class ChecksJson(Shape):
    """All checks of the installation."""

    level: Level
    """The worst level of all checks."""
    checks: list[CheckJson]
    """In the order in which they were made."""


def checks_json(checks: Sequence[Check], level: Level) -> ChecksJson:
    """Each check, and the worst level."""
    return {
        "level": level,
        "checks": [
            {"name": each.name, "level": each.level, "sentence": each.sentence, "next_step": each.next_step}
            for each in checks
        ],
    }
