"""The console on a world's store, without a server and without a browser: Flask's own client, which runs no script."""

import itertools
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from flask.testing import FlaskClient
from lxml import html
from werkzeug.test import TestResponse

from engage_server.composition.operator_side import OperatorSide
from engage_server.errors import StoreNotUsable
from engage_server.records import Grant, Person, Role, Secret
from engage_server.services.chains.folder import ChainMaterial
from engage_server.services.chains.sent.reading import OpenSent, open_here
from engage_server.services.installation.recent_sites import RecentSites
from engage_server.services.risk.recent import RecentTonight
from engage_server.settings import load_settings
from engage_server.web.console.blueprint import blueprint
from engage_server.web.sign_in.cookie import SessionCookie
from engage_server.web.surroundings import Surroundings
from tests.support.chains import NOW
from tests.support.operators import operators_app
from tests.support.passwords import quick_passwords
from tests.support.world import World

OURS = {"Sec-Fetch-Site": "same-origin"}


class Shown:
    """A page as it was answered.

    Attributes:
        answer: The answer.
        tree: Its elements.
    """

    def __init__(self, answer: TestResponse) -> None:
        self.answer = answer
        self.tree: Any = html.document_fromstring(answer.text)

    @property
    def text(self) -> str:
        """All words of the page's content, with single spaces."""
        return " ".join(self.tree.xpath("string(//main)").split())

    @property
    def alert(self) -> str:
        """What the page says that was refused. "" for nothing."""
        return " ".join(self.tree.xpath("string(//*[@role='alert'])").split())

    @property
    def status(self) -> str:
        """What the page says that was done. "" for nothing."""
        return " ".join(self.tree.xpath("string(//*[@role='status'])").split())

    def links(self) -> list[str]:
        """Where the links of the content lead."""
        return [str(each) for each in self.tree.xpath("//main//a/@href")]

    def form(self, action: str) -> dict[str, str]:
        """The fields of a form as a browser would send them, untouched."""
        (found,) = self.tree.xpath(f"//form[@action='{action}']")
        return {name: value or "" for name, value in found.form_values()}

    def rows(self, place: int = 0) -> list[list[str]]:
        """The cells of a table, row by row, without its headings."""
        table = self.tree.xpath("//main//table")[place]
        return [[" ".join(cell.text_content().split()) for cell in row] for row in table.xpath("./tbody/tr")]


class Browser:
    """A browser with one person, who may have signed in."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, **fields: str) -> TestResponse:
        """Open an address."""
        return self.client.get(path, headers={**OURS, **fields})

    def page(self, path: str, status: int = 200) -> Shown:
        """Open a page."""
        answer = self.get(path)
        assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
        return Shown(answer)

    def post(self, path: str, fields: Mapping[str, Any]) -> TestResponse:
        """Send exactly these fields. Bytes are sent as an upload, and a list of bytes as several."""
        content = {name: _uploads(name, value) for name, value in fields.items()}
        return self.client.post(path, data=content, content_type="multipart/form-data", headers=OURS)

    def send(self, page: str, action: str, **typed: Any) -> TestResponse:
        """Open a page, fill in one of its forms, and send it."""
        return self.post(action, {**self.page(page).form(action), **typed})

    def act(self, page: str, action: str, **typed: Any) -> Shown:
        """The same, and follow to the page that comes then. Fails if it was refused."""
        answer = self.send(page, action, **typed)
        assert answer.status_code == 303, Shown(answer).alert or answer.text
        return self.page(answer.headers["Location"])

    def refused(self, page: str, action: str, **typed: Any) -> Shown:
        """The same, and the page that says why it was refused. Fails if it was not."""
        answer = self.send(page, action, **typed)
        assert answer.status_code >= 400, answer.text
        return Shown(answer)


def _uploads(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_uploads(name, each) for each in value]
    return (BytesIO(value), f"{name}.pem") if isinstance(value, bytes) else value


class Console:
    """The console, with a clock that is set by hand.

    Attributes:
        side: The services.
        now: What the clock says.
        is_away: Whether the database is.
        open_sent: Opens chains: here, which costs less than in a separate process.
    """

    def __init__(self, world: World) -> None:
        self.side = OperatorSide(world.store, load_settings(None, {}, {}, world.folder))
        vars(self.side.access)["_passwords"] = quick_passwords()
        nights, callers = self.side.adoption_nights, self.side.evidence.callers_of_own_hosts
        vars(self.side)["recent_sites"] = RecentSites(  # no machine is too slow: nothing is kept
            self.side.overview, nights, callers, world.store.generation, lambda: 0.0
        )
        vars(self.side)["recent_tonight"] = RecentTonight(self.side.tonight, lambda: 0.0)
        self.now, self.is_away = NOW, False
        self.open_sent: OpenSent = open_here
        self._world = world
        surroundings = Surroundings(
            self._services, lambda: self.now, lambda: None, SessionCookie(secure=False), self._open_sent
        )
        self.app = operators_app([blueprint(surroundings)])

    def count_slowly(self) -> None:
        """From now on each count of a site takes seconds, so that its figures are kept."""
        nights, callers = self.side.adoption_nights, self.side.evidence.callers_of_own_hosts
        seconds = itertools.count(0.0, 1.0)
        generation = self._world.store.generation
        vars(self.side)["recent_sites"] = RecentSites(
            self.side.overview, nights, callers, generation, lambda: next(seconds)
        )

    def person(self, name: str, role: Role = Role.OPERATOR, sites: tuple[str, ...] | None = None) -> Browser:
        """The browser of a person who has signed in."""
        grant = Grant(role, None if sites is None else frozenset(sites))
        secret = self.side.access.people.add(name, grant, self._world.occasion)
        person = self.side.access.people.set_password(secret, "correct horse battery", self.now)
        browser = self.nobody()
        self._sign_in(browser, person)
        return browser

    def again(self, browser: Browser, name: str) -> Browser:
        """A person signs in once more: time has passed, and a session ends when nobody uses it."""
        self._sign_in(browser, self.side.access.people.person(name))
        return browser

    def _sign_in(self, browser: Browser, person: Person) -> None:
        secret = self.side.access.sign_ins.begin(person, "127.0.0.1", self.now, "link").secret
        browser.client.set_cookie("engage", secret)

    def nobody(self) -> Browser:
        """A browser in which nobody has signed in."""
        return Browser(self.app.test_client())

    def _open_sent(self, content: bytes, passphrase: Secret | None) -> ChainMaterial:
        return self.open_sent(content, passphrase)

    def _services(self) -> OperatorSide:
        if self.is_away:
            raise StoreNotUsable("the database does not answer", "Wait.")
        return self.side
