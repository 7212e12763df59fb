"""One visit of a page: who comes, when, what they asked for, and what they typed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from werkzeug.datastructures import FileStorage, MultiDict

from engage_server.errors import EngageError, UsageError
from engage_server.records import Actor, Occasion, Site
from engage_server.records.occasion import read_reason
from engage_server.services.access.permissions import PERMISSIONS, Act, may
from engage_server.services.chains.sent.reading import OpenSent
from engage_server.web.console.page import Page
from engage_server.web.console.path_parameters import filled
from engage_server.web.console.row_limit import RowLimit
from engage_server.web.console.services import Services

CONFIRM = "confirm"
DONE = "done"  # in a query: the entry of the audit log that was written before this page
_SECRET_FIELDS = ("passphrase", "password", "again", "before")
_PRIVATE_KEY = "PRIVATE KEY-----"


@dataclass(frozen=True, slots=True)
class Browser:
    """What is known of the browser with which somebody comes.

    Attributes:
        origin: How it calls this server, such as ``http://localhost:8008``.
        address: Where it is.
        session: The digest of its session. It opens nothing.
    """

    origin: str
    address: str
    session: str = field(repr=False)


@dataclass(frozen=True)  # no slots: what is read of the site is kept
class Visit:
    """One visit.

    Attributes:
        page: The page that is visited, or that holds the form that was sent.
        services: The services.
        actor: Who comes.
        occasion: Who, and when. :meth:`because` adds why.
        path: The parameters of the path, by name, read.
        query: What stands behind the question mark.
        fields: The fields of the form that was sent. Empty for a page that is only looked at.
        files: The uploads of that form. A name may have several: ``getlist``.
        open_sent: Opens a chain that was sent, in a process that can be stopped.
        clock: What time it is by now; aware, UTC. ``occasion`` has the time at which the visitor came.
        browser: With which the visitor comes.
        sent_to: The path to which a form was sent. "" for a page that is only looked at.
        refusal: Why the form that was sent was refused. None: nothing was sent, or it was carried out.
        rows: How many rows the lists of the page may have.
    """

    page: Page
    services: Services
    actor: Actor
    occasion: Occasion
    path: Mapping[str, str | int]
    query: Mapping[str, str]
    fields: Mapping[str, str]
    files: MultiDict[str, FileStorage]
    open_sent: OpenSent
    clock: Callable[[], datetime]
    browser: Browser
    sent_to: str = ""
    refusal: EngageError | None = field(default=None)
    rows: RowLimit = field(default_factory=RowLimit)

    @property
    def now(self) -> datetime:
        """The time; aware, UTC."""
        return self.occasion.now

    @cached_property
    def site(self) -> Site:
        """The site in the path.

        Raises:
            NotFound: There is no such site.
        """
        return self.services.sites.get(str(self.path["site"]))

    @property
    def number(self) -> int:
        """The number in the path."""
        return int(self.path["number"])

    @property
    def door(self) -> str:
        """The serial number or the address in the path."""
        return str(self.path["door"])

    @cached_property
    def version(self) -> int:
        """The version of the site in the path, as this visit finds it. Forms carry it: see :mod:`.acting`."""
        return self.services.access.requests.version(self.site.name)

    def zone_of(self, site: Site) -> ZoneInfo:
        """The time zone of a site."""
        return ZoneInfo(site.time_zone)

    def may(self, act: Act, site: str = "") -> bool:
        """Whether the visitor may do something, at the site in the path if none is given."""
        return may(self.actor, act, site or str(self.path.get("site", "")))

    @staticmethod
    def least_role(act: Act) -> str:
        """The role that is needed to do something. "" if only the command line may."""
        role = PERMISSIONS[act].role
        return role.value if role is not None else ""

    def at_most(self, usual: int) -> int:
        """How many rows a list of this page has: see :class:`.row_limit.RowLimit`."""
        return self.rows.at_most(usual)

    def typed(self, name: str, before: str = "") -> str:
        """What was typed into a field, else what stands in it before anything is. No secret is given back."""
        typed = self.fields.get(name, before)
        return "" if name in _SECRET_FIELDS or _PRIVATE_KEY in typed else typed

    def uploads(self, name: str) -> list[FileStorage]:
        """The files that were chosen in a field, which may have several."""
        return [each for each in self.files.getlist(name) if each.filename]

    def is_ticked(self, name: str) -> bool:
        """Whether a box is ticked in the form that was sent."""
        return self.fields.get(name, "") == "yes"

    def because(self) -> Occasion:
        """The occasion with the reason in the field ``reason``.

        Raises:
            UsageError: See :func:`engage_server.records.occasion.read_reason`.
        """
        return self.occasion.because(read_reason(self.fields.get("reason", "")))

    def assert_typed_site(self) -> None:
        """Refuse what the visitor did not confirm by typing the name of the site.

        Raises:
            UsageError: The field ``confirm`` holds something else (``console.not_confirmed``).
        """
        self.assert_typed(self.site.name, "the name of the site")

    def assert_typed(self, wanted: str, what: str) -> None:
        """Refuse what the visitor did not confirm by typing something.

        Raises:
            UsageError: The field ``confirm`` holds something else (``console.not_confirmed``).
        """
        if self.fields.get(CONFIRM, "").strip() != wanted:
            raise UsageError(
                f"{what} was not typed, so nothing was done",
                f"To do it, type: {wanted}",
                code="console.not_confirmed",
            )

    def link(self, **changed: str | None) -> str:
        """This page with some parameters of its query changed; None leaves one out. For links of filters and pages.

        It is the address of the page also where a form of the page was refused. What was done before is left out.
        """
        wanted = {**self.query, DONE: None, **changed}
        query = urlencode({name: value for name, value in wanted.items() if value})
        return filled(self.page.path, self.path) + (f"?{query}" if query else "")

    def refused(self, refusal: EngageError) -> "Visit":
        """The same visit, to show the page again with what was refused."""
        return replace(self, refusal=refusal)
