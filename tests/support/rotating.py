"""Devices' nights, and how far a rotation is, by commands."""

import json
from pathlib import Path
from typing import Any

from tests.support.running import RunningPair, engage, ok
from tests.support.world import serial_of


def night(pair: RunningPair, device: int) -> str:
    """A virtual lock's night; it remembers its anchor in a file."""
    return ok(
        engage(
            pair.folder,
            *("lock", "fetch", f"http://localhost:{pair.http_port}", "--https-port", pair.https_port),
            *("--site-key-file", "site.key", "--serial", serial_of(device), "--state", f"lock{device}.json"),
        )
    )


def progress(folder: Path) -> dict[str, object]:
    """What ``engage rotate status`` says of the newest rotation."""
    (found,) = json.loads(ok(engage(folder, "rotate", "status", "--json")))
    assert isinstance(found, dict)
    return found


def progress_of(folder: Path, site: str) -> dict[str, Any]:
    """The same of one site among several."""
    found: list[dict[str, Any]] = json.loads(ok(engage(folder, "rotate", "status", "--json")))
    return next(each for each in found if each["site"] == site)


def seen(folder: Path, release: int, count: int) -> bool:
    """Whether so many devices have finished TLS with a release, as the evidence knows."""
    listed = json.loads(ok(engage(folder, "device", "list", "--release", release, "--json")))
    return [each["grade"] for each in listed].count("handshake") == count
