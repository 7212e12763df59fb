"""What was published of the API, as ``tests/api/published-v1.json``. ``scripts/api-publish`` writes it.

``docs/openapi.json`` follows each change of the code, so it would hide what a change takes away. The published file has
the shape of the last release, and only grows. A narrowing stands in ``tests/api/narrowings.toml`` with its reason, or
fails the build.
"""

import json
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from engage_server import __version__
from tests.support.checkout import ROOT
from tests.support.openapi_changes import narrowings, shape
from tests.support.openapi_schemas import Json
from tests.support.openapi_today import todays_document

PUBLISHED = ROOT / "tests" / "api" / "published-v1.json"
ACCEPTED = ROOT / "tests" / "api" / "narrowings.toml"


def accepted_narrowings(text: str) -> dict[str, str]:
    """The narrowings that somebody decided on, with their reasons.

    Raises:
        ValueError: One has no reason.
    """
    entries = tomllib.loads(text).get("narrowing", [])
    for entry in entries:
        if not entry.get("reason", "").strip():
            raise ValueError(f"no reason: {entry}")
    return {entry["what"]: entry["reason"] for entry in entries}


def undecided(before: Json, after: Json, accepted: Iterable[str]) -> list[str]:
    """What was narrowed without a decision."""
    known = set(accepted)
    return [each for each in narrowings(before, after) if each not in known]


def is_due(version: str, before: Json, after: Json) -> bool:
    """Whether a release goes out with something that was not published, and could vanish again."""
    return ".dev" not in version and shape(before) != shape(after)


def publish(file: Path, accepted: Path) -> list[str]:
    """Write today's shape, unless that takes away something without a decision.

    Returns:
        What stands in the way. Empty: it was written.
    """
    today = shape(todays_document())
    if file.exists():
        found = undecided(json.loads(file.read_text()), today, accepted_narrowings(accepted.read_text()))
        if found:
            return found
    file.write_text(json.dumps(today, indent=1, ensure_ascii=False) + "\n")
    return []


if __name__ == "__main__":
    if complaints := publish(PUBLISHED, ACCEPTED):
        rows = "\n".join(f"  {each}" for each in complaints)
        sys.exit(
            f"error: this takes something away from clients of the API:\n{rows}\n"
            f"next: keep it. Or write it into {ACCEPTED.relative_to(ROOT)} with a reason, and into CHANGELOG.md"
        )
    print(f"{PUBLISHED.relative_to(ROOT)} has the API of {__version__}")  # noqa: T201  # a program's output
