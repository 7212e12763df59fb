"""axe-core judges whether everybody can use a page: WCAG 2.0 to 2.2, levels A and AA, and good practice."""

import json
from typing import Any

import pytest

from tests.support.browser import AXE

needs_axe = pytest.mark.skipif(not AXE.exists(), reason="axe-core is not there: npm fetches it in scripts/test --all")
_OPTIONS = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {"target-size": {"enabled": True}},  # off by itself, as all rules of WCAG 2.2 are
    "preload": False,  # it would fetch style sheets anew, which the page's policy forbids
    "resultTypes": ["violations"],
}


def violations(page: Any) -> list[str]:
    """Return what axe-core finds, whatever its impact. The page's policy does not bind a debugger's scripts."""
    found = page.evaluate(f"{AXE.read_text()}; axe.run({json.dumps(_OPTIONS)})")
    return [
        f"{each['id']} ({each['impact']}): {node['html'][:200]}: {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]
