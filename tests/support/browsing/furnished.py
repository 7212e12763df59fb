"""A running console with something on every page, and people who have signed in to it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.browsing.places import Place
from tests.support.commands import engage, ok
from tests.support.running import RunningPair, running_pair

PASSWORD = "correct horse battery"
SITE, OPEN = "demo-campus", "demo-clinic"  # all of a rotation, and one that waits for a person
NEW = "new"
INVITED, TITLE = "somebody", "</title><script>alert(1)</script>"
# what others write may be anything that a name can hold
NAMES = (
    ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>"),
    ("=cmd|' /C calc'!A0", "@SUM(1+1)"),
    ("W" * 80, "W" * 120),
    ("\u05d3\u05dc\u05ea \u05e6\u05e4\u05d5\u05e0\u05d9\u05ea", "\u0645\u0628\u0646\u0649"),
    ('" onmouseover="alert(1)', "' autofocus onfocus='alert(1)"),
)


@dataclass(frozen=True)
class Running:
    """The console, and who may look at it.

    Attributes:
        pair: The running servers.
        values: For the parameters of paths.
        session: Playwright's state of a browser in which an admin has signed in.
        newcomer: The same for an operator of a new site, which has no doors and serves nothing.
    """

    pair: RunningPair
    values: Mapping[str, str | int]
    session: Any
    newcomer: Any

    @property
    def base(self) -> str:
        """Where the console is."""
        return f"http://localhost:{self.pair.operators_port}"

    def address(self, place: Place) -> str:
        """A page's whole address. A one-time link is a new one: it is over within ten minutes."""
        values = dict(self.values)
        if "{secret}" in place.path:
            printed = ok(engage(self.pair.folder, "people", "reset", INVITED, "--link")).strip()
            values["secret"] = printed.rpartition("/")[2]
        return self.base + place.address(values)

    def seen_by(self, place: Place) -> Any:
        """Playwright's state of a browser for a page: of nobody, of the newcomer, or of the admin."""
        signed_in_as = self.newcomer if place.by_newcomer else self.session
        return None if place.is_public else signed_in_as


def filled(folder: Path) -> Path:
    """The demonstration's folder: three sites with doors in trouble, which here have names of all sorts."""
    ok(engage(folder, "demo", folder / "demo", "--doors", "60", "--nights", "24"))
    folder = folder / "demo"
    ok(engage(folder, "site", "change", "demo-depot", "--title", TITLE))
    doors = _doors(folder)
    assert len(doors) >= len(NAMES)
    for door, (name, place) in zip(doors[: len(NAMES)], NAMES, strict=True):
        ok(engage(folder, "device", "name", door, f"--name={name}", f"--place={place}"))
    (clinic,) = json.loads(ok(engage(folder, "device", "list", "--site", OPEN, "--limit", "1", "--json")))
    ok(engage(folder, "device", "name", clinic["device"], f"--name={NAMES[0][0]}"))
    (folder / "new.key").write_text(f"{bytes(range(100, 132)).hex()}\n")
    ok(engage(folder, "site", "add", NEW, "--host", "new.example.org", "--site-key-file", folder / "new.key"))
    return folder


@contextmanager
def furnished(browser: Any, folder: Path) -> Iterator[Running]:
    """What :func:`filled` has filled, or a copy of it, served."""
    with running_pair(folder, "--workers", "1") as pair:
        base = f"http://localhost:{pair.operators_port}"
        values: dict[str, str | int] = {
            "site": SITE,
            "number": 1,
            "door": _doors(folder)[0],
        }
        link(folder, INVITED, "viewer")
        chief = signed_in(browser, base, folder, "chief", "admin")
        yield Running(pair, values, chief, signed_in(browser, base, folder, "newcomer", "operator", "--site", NEW))


def _doors(folder: Path) -> list[str]:
    """Those of a site that are at risk."""
    tonight = json.loads(engage(folder, "tonight", "--json").stdout)
    return [door["device"] for site in tonight["sites"] if site["site"] == SITE for door in site["doors"]]


def link(folder: Path, name: str, role: str, *more: str) -> str:
    """The path of a new person's one-time link."""
    printed = ok(engage(folder, "people", "add", name, "--role", role, *more, "--link")).strip()
    return printed[printed.index("/sign-in/") :]


def signed_in(browser: Any, base: str, folder: Path, name: str, role: str, *more: str) -> Any:
    """Playwright's state of a browser in which a new person has signed in."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(base + link(folder, name, role, *more))
        for label in ("New password", "The same once more"):
            page.get_by_label(label).fill(PASSWORD)
        page.get_by_role("button").click()
        page.wait_for_url(f"{base}/")
        return context.storage_state()
