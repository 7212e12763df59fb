"""What ``engage doctor`` found."""

from collections.abc import Sequence
from typing import Any

from engage_server.services.installation.checkup import Check, Level


def checks_json(checks: Sequence[Check], level: Level) -> dict[str, Any]:
    """Each check, and the worst level."""
    return {
        "level": str(level),
        "checks": [
            {"name": each.name, "level": str(each.level), "sentence": each.sentence, "next_step": each.next_step}
            for each in checks
        ],
    }
