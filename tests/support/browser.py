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

# the shell is Chromium without its own windows, which are pages, too: to show ours with them takes twice the CPU
CHROMIUM = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), "")
JUDGES = Path(sys.prefix) / "share" / "browser-judges" / "node_modules"
AXE = JUDGES / "axe-core" / "axe.min.js"
# Playwright's own: oidc-provider wants Node.js 22, and Debian 12 has 18, on which it does not start
_PLAYWRIGHT = find_spec("playwright")
NODE = str(Path(_PLAYWRIGHT.origin).with_name("driver") / "node") if _PLAYWRIGHT and _PLAYWRIGHT.origin else ""

# a name that is not this machine's leads nowhere: no test can depend on the internet
_NOWHERE = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost"
# by itself, Chromium asks its makers what the fields of a form are for. Not "--disable-features", which Playwright sets
_BY_ITSELF = "--autofill-server-url=http://127.0.0.1:9/"
_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", _NOWHERE, _BY_ITSELF]
HERE = {"localhost", "127.0.0.1"}
_OUR_SCHEMES = {"http", "https", "ws", "wss"}

needs_browser = (
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
    pytest.mark.skipif(not _PLAYWRIGHT, reason="playwright is not there: scripts/test --all installs it"),
)


@contextmanager
def chromium(proxy: str = "") -> Iterator[Any]:
    """A browser without windows. Playwright has no types here: it may be missing.

    Args:
        proxy: The address of the proxy for all that is not on this machine; "" for none.
    """
    from playwright.sync_api import sync_playwright

    # not Playwright's own option, which would send what is for this machine there, too
    through = [f"--proxy-server={proxy}"] if proxy else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_OPTIONS + through)
        try:
            yield browser
        finally:
            browser.close()


class Witness:
    """Writes down what a context asks for, and what it complains of.

    Args:
        context: Playwright's: a person with cookies of their own.

    Attributes:
        requests: The addresses of all requests.
        complaints: What the browser says of violations of the page's policy.
        errors: What else it calls an error, such as a script that fails or a file that is not there.
    """

    def __init__(self, context: Any) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.errors: list[str] = []
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("console", self._heard)
        context.on("weberror", lambda failed: self.errors.append(str(failed.error)))

    def forget(self) -> None:
        """What comes from now on counts alone."""
        for each in (self.requests, self.complaints, self.errors):
            each.clear()

    @property
    def elsewhere(self) -> list[str]:
        """The requests that left this machine, or tried to."""
        parts = [(url, urlsplit(url)) for url in self.requests]
        return [url for url, each in parts if each.scheme in _OUR_SCHEMES and each.hostname not in HERE]

    def beside(self, base: str) -> list[str]:
        """The requests to anybody but one listener, also on this machine."""
        return [url for url in self.requests if urlsplit(url).scheme in _OUR_SCHEMES and not url.startswith(f"{base}/")]

    def _heard(self, message: Any) -> None:
        if "Content Security Policy" in message.text:
            self.complaints.append(message.text)
        elif message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url')})")
