"""What holds for every page of the table, and for every form: a new one is tested as soon as it stands there."""

import base64
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from engage_server.pki.issuing.succession import AuthorityKeys
from engage_server.records import AuditFilter, Role, RotationWay
from engage_server.records.telling import tell_nobody
from engage_server.services.access.permissions import PERMISSIONS
from engage_server.services.rotation.preparation import RotationRequest
from engage_server.web.api.route import Scope
from engage_server.web.console.page import Download, Form, Page
from engage_server.web.console.path_parameters import filled
from engage_server.web.console.table import PAGES
from engage_server.web.pages_policy import POLICY
from tests.support.chains import SITE_KEY
from tests.support.console import OURS, Browser, Console, Shown
from tests.support.world import World, serial_of

DOOR = serial_of(1)
VALUES: dict[str, str | int] = {"site": "main", "number": 1, "door": DOOR}
FORMS = [(page, form) for page in PAGES for form in page.forms]
DOWNLOADS = [(page, download) for page in PAGES for download in page.downloads]
FOREIGN = re.compile(r"""(?:src|href|action|url)\s*[=(]\s*["']?\s*(?:https?:)?//""", re.IGNORECASE)


def _path(each: Page | Form | Download) -> str:
    return filled(each.path, VALUES)


def _name(value: Any) -> str:
    return value.name if isinstance(value, Page | Form | Download) else str(value)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """With one door, which came through, and one rotation, which was ended. One for all tests: they change nothing."""
    with World(tmp_path_factory.mktemp("every-page")) as world:
        world.add_site()
        world.release()
        world.sites.add_device(DOOR, "main", world.occasion)
        world.see(world.finished(1, 1, world.occasion.now))
        request = RotationRequest("main", RotationWay.SERVER_RENEWAL, world.folder / "none", AuthorityKeys())
        world.rotations.begin(request, world.occasion, tell_nobody)
        world.rotations.abort("main", "not yet", world.occasion)
        yield world


@pytest.fixture(scope="module")
def console(world: World) -> Console:
    """The console."""
    return Console(world)


@cache
def _person(console: Console, role: Role, site: str = "") -> Browser:
    """Somebody with a role, at all sites or at one."""
    return console.person(f"{role}-{site or 'everywhere'}", role, (site,) if site else None)


@pytest.fixture
def admin(console: Console) -> Browser:
    """Who may see everything."""
    return _person(console, Role.ADMIN)


def _entries(console: Console) -> int:
    return console.side.audit.page(AuditFilter(), None, 1).items[0].number


def test_names_and_paths_are_unique() -> None:
    """Two rows with one address would hide one another."""
    assert len({page.name for page in PAGES}) == len(PAGES)
    assert len({page.path for page in PAGES}) == len(PAGES)
    assert len({form.path for _, form in FORMS}) == len(FORMS)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_a_page_has_the_frame_and_its_policy(admin: Browser, page: Page) -> None:
    """One heading, a title, the command that does the same, and nothing that the policy would stop."""
    answer = admin.get(_path(page))
    assert answer.status_code == 200, answer.text
    shown = Shown(answer)
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert len(shown.tree.xpath("//h1")) == 1
    assert shown.tree.xpath("//main//*[@class='command']//code"), "no command does the same"
    assert not shown.tree.xpath("//script[not(@src)]|//style|//*[@style]|//*[@*[starts-with(name(), 'on')]]")
    assert not FOREIGN.search(answer.text.replace('xmlns="http://www.w3.org/2000/svg"', ""))
    assert len(answer.data) < 100_000


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_no_page_holds_a_secret(console: Console, admin: Browser, page: Page) -> None:
    """Neither a key of a site or a release nor the secret of a session."""
    text = admin.get(_path(page)).text
    session = admin.client.get_cookie("engage")
    assert session is not None
    assert session.value not in text
    for spelled in (SITE_KEY.reveal().hex(), base64.b64encode(SITE_KEY.reveal()).decode()):
        assert spelled.lower() not in text.lower()
    assert "PRIVATE KEY" not in text
    assert not re.search(r"engage_[0-9a-f]{12}_", text)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_who_has_not_signed_in_is_led_there(console: Console, page: Page) -> None:
    """And from there back to the page."""
    answer = console.nobody().get(_path(page))
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/sign-in")


@pytest.mark.parametrize("page", PAGES, ids=_name)
@pytest.mark.parametrize("role", Role)
def test_only_who_may_sees_a_page(console: Console, page: Page, role: Role) -> None:
    """By the one table of permissions."""
    least = PERMISSIONS[page.act].role
    assert least is not None
    wanted = 200 if role.includes(least) else 403
    assert _person(console, role).get(_path(page)).status_code == wanted


@pytest.mark.parametrize("page", [page for page in PAGES if page.is_of_site], ids=_name)
def test_a_page_of_another_site_is_refused(console: Console, page: Page) -> None:
    """Whether the site exists cannot be told from the answer."""
    browser = _person(console, Role.ADMIN, "elsewhere")
    assert browser.get(_path(page)).status_code == 403
    assert browser.get(filled(page.path, {**VALUES, "site": "nowhere"})).status_code == 403


@pytest.mark.parametrize("page", [page for page in PAGES if page.is_of_site], ids=_name)
def test_a_page_of_a_site_that_does_not_exist_is_not_found(admin: Browser, page: Page) -> None:
    """As a page, with what to do."""
    answer = admin.get(filled(page.path, {**VALUES, "site": "nowhere"}))
    assert answer.status_code == 404
    assert "nowhere" in Shown(answer).alert


@pytest.mark.parametrize(("page", "form"), FORMS, ids=_name)
def test_a_form_without_its_token_does_nothing(console: Console, admin: Browser, page: Page, form: Form) -> None:
    """Nor with the token of another session, nor from another origin."""
    other = _person(console, Role.VIEWER).page("/check").form("/check")["token"]
    before = _entries(console)
    for fields in ({}, {"token": ""}, {"token": other}):
        answer = admin.post(_path(form), fields)
        assert answer.status_code == 403, answer.text
    good = admin.page("/check").form("/check")["token"]
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert admin.client.post(_path(form), data={"token": good}, headers=foreign).status_code == 403
    assert _entries(console) == before


@pytest.mark.parametrize(("page", "form"), FORMS, ids=_name)
def test_a_form_of_who_may_not_does_nothing(console: Console, page: Page, form: Form) -> None:
    """Below the least role, at another site, and signed out."""
    least = PERMISSIONS[form.act].role
    assert least is not None, "what only the command line may do stands on no page"
    browsers = [console.nobody()]
    if least is not Role.VIEWER:
        browsers.append(_person(console, Role.VIEWER))
    if form.scope is not Scope.SOMEWHERE:
        browsers.append(_person(console, Role.ADMIN, "elsewhere"))
    before = _entries(console)
    for browser in browsers:
        answer = browser.get("/check")
        token = Shown(answer).form("/check")["token"] if answer.status_code == 200 else ""
        assert browser.post(_path(form), {"token": token}).status_code in (303, 403)
    assert _entries(console) == before


@pytest.mark.parametrize(("page", "form"), FORMS, ids=_name)
def test_an_empty_form_is_refused_on_its_page_or_acts_by_intent(
    console: Console, admin: Browser, page: Page, form: Form
) -> None:
    """It never ends in a failure of ours."""
    token = admin.page("/check").form("/check")["token"]
    answer = admin.post(_path(form), {"token": token})
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert Shown(answer).alert


@pytest.mark.parametrize(("page", "form"), FORMS, ids=_name)
def test_a_form_that_is_too_large_is_refused(admin: Browser, page: Page, form: Form) -> None:
    """Before it is read whole."""
    token = admin.page("/check").form("/check")["token"]
    much = {"token": token, "much": "x" * (form.most_bytes + 1)}
    answer = admin.client.post(_path(form), data=much, headers=OURS)  # as an upload, it would lie in a file of the test
    assert answer.status_code in (400, 413), answer.text


@pytest.mark.parametrize(("page", "download"), DOWNLOADS, ids=_name)
def test_a_download_is_a_file_for_who_may(console: Console, admin: Browser, page: Page, download: Download) -> None:
    """It is never shown as a page."""
    answer = admin.get(_path(download))
    assert answer.status_code in (200, 404)
    if answer.status_code == 200:
        assert answer.headers["Content-Disposition"].startswith("attachment; ")
        assert not answer.content_type.startswith("text/html")
    assert console.nobody().get(_path(download)).status_code == 303


def test_an_address_without_a_page_is_said_as_a_page_to_people_alone(admin: Browser) -> None:
    """Programs get a problem."""
    answer = admin.get("/nothing", Accept="text/html,*/*;q=0.8")
    assert answer.status_code == 404
    assert "There is no page at this address." in Shown(answer).alert
    for path, accepted in (("/nothing", "*/*"), ("/api/v1/nothing", "text/html")):
        assert json.loads(admin.get(path, Accept=accepted).data)["code"] == "address.not_found"


def test_while_the_database_is_away_a_page_says_so(
    console: Console, admin: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its address."""
    monkeypatch.setattr(console, "is_away", True)
    answer = admin.get("/")
    assert answer.status_code == 503
    assert "cannot do this now" in Shown(answer).alert
    assert "Devices are served anyway." in answer.text


def test_a_defect_of_ours_is_a_page_without_its_traceback(
    admin: Browser, monkeypatch: pytest.MonkeyPatch, console: Console
) -> None:
    """The log has it."""
    monkeypatch.setattr(type(console.side.recent_tonight), "look", lambda *_: 1 / 0)
    answer = admin.get("/")
    assert answer.status_code == 500
    assert "ZeroDivision" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_what_is_no_text_is_refused(admin: Browser, page: Page) -> None:
    """PostgreSQL takes no NUL: it must not get as far."""
    answer = admin.get(f"{_path(page)}?any=a%00b")
    assert answer.status_code == 400
    assert "is no text" in Shown(answer).alert


@pytest.mark.parametrize(("page", "form"), FORMS, ids=_name)
def test_a_form_with_what_is_no_text_is_refused(console: Console, admin: Browser, page: Page, form: Form) -> None:
    """Nothing is done."""
    token, before = admin.page("/check").form("/check")["token"], _entries(console)
    answer = admin.post(_path(form), {"token": token, "reason": "a\0b"})
    assert answer.status_code == 400
    assert "is no text" in Shown(answer).alert
    assert _entries(console) == before
