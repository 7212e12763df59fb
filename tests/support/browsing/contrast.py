"""Contrast inside pictures, measured: axe-core does not look into them."""

from pathlib import Path
from typing import Any

_SCRIPT = Path(__file__).with_name("contrast.js")


def faint(page: Any) -> list[str]:
    """Return the shapes and words in pictures that do not stand out from what is behind them."""
    found: list[str] = page.evaluate(_SCRIPT.read_text())["faint"]
    return found


def measured(page: Any) -> int:
    """Return how many shapes and words in pictures there are to measure."""
    seen: int = page.evaluate(_SCRIPT.read_text())["seen"]
    return seen
