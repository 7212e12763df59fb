"""The system's Chromium, driven by Playwright. Both are optional: without one of them these tests are skipped."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""
JUDGES = Path(sys.prefix) / "share" / "browser-judges" / "node_modules"
AXE = JUDGES / "axe-core" / "axe.min.js"
# Playwright's own: oidc-provider wants Node.js 22, and Debian 12 has 18, on which it does not start
_PLAYWRIGHT = find_spec("playwright")
NODE = str(Path(_PLAYWRIGHT.origin).with_name("driver") / "node") if _PLAYWRIGHT and _PLAYWRIGHT.origin else ""

# a name that is not this machine's leads nowhere: no test can depend on the internet
_NOWHERE = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost"
_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", _NOWHERE]
HERE = {"localhost", "127.0.0.1"}
_OUR_SCHEMES = {"http", "https", "ws", "wss"}

needs_browser = (
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
    pytest.mark.skipif(not _PLAYWRIGHT, reason="playwright is not there: scripts/test --all installs it"),
)


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser without windows. Playwright has no types here: it may be missing."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_OPTIONS)
        try:
            yield browser
        finally:
            browser.close()


class Witness:
    """Writes down what a context asks for, and of which violations of the policy it complains.

    Args:
        context: Playwright's: a person with cookies of their own.
    """

    def __init__(self, context: Any) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("console", self._heard)

    @property
    def elsewhere(self) -> list[str]:
        """The requests that left this machine, or tried to."""
        parts = [(url, urlsplit(url)) for url in self.requests]
        return [url for url, each in parts if each.scheme in _OUR_SCHEMES and each.hostname not in HERE]

    def _heard(self, message: Any) -> None:
        if "Content Security Policy" in message.text:
            self.complaints.append(message.text)


def serious(page: Any) -> list[str]:
    """What axe-core finds serious or critical about a page."""
    found = page.evaluate(f"{AXE.read_text()}; axe.run()")
    return [
        f"{each['id']}: {[node['failureSummary'] for node in each['nodes']]}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]
