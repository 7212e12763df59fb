"""No page that lists gets too large, also where all names are as long as they may be, and escaped letter by letter."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest

from engage_server.pki.issuing.succession import AuthorityKeys
from engage_server.records import (
    LONGEST_NAME,
    LONGEST_PLACE,
    LONGEST_REASON,
    AuditAction,
    CallIn,
    CallInWay,
    DeviceLabel,
    Grant,
    Host,
    Role,
    RotationWay,
    UnknownDevices,
    Upstream,
)
from engage_server.records.telling import tell_nobody
from engage_server.services.call_in.delivering.upload_spool import Upload
from engage_server.services.device_files.fault_journal import CallFault
from engage_server.services.rotation.preparation import RotationRequest
from engage_server.services.sites.register import SiteChanges
from engage_server.web.console.row_limit import MOST_BYTES, RowLimit
from tests.support.chains import NOW
from tests.support.console import Browser, Console, Shown
from tests.support.world import World, serial_of

SITE = "s" * 63
DOORS = 120  # more than any page of a list has
SIGN = '"'  # five bytes in a page
OTHERS = 70  # further sites
UPSTREAM = CallIn(CallInWay.UPSTREAM, False, UnknownDevices.ENROLL, Upstream("https://access.example.org/engage"))
BASE = f"/sites/{SITE}"


def _label(device: int) -> DeviceLabel:
    return DeviceLabel(f"{device:03}".ljust(LONGEST_NAME, SIGN), f"{device % 7}".ljust(LONGEST_PLACE, SIGN))


def _person(number: int) -> str:
    return f"{number:03}".ljust(64, "p")


def _other_site(number: int) -> str:
    return f"{number:03}".ljust(63, "o")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A large installation in which everything has the longest name. One for all tests: they change nothing."""
    with World(tmp_path_factory.mktemp("sizes")) as world:
        world.add_site(SITE, tuple(Host(f"{number:02}.{'h' * 40}.example.org") for number in range(12)))
        world.sites.change(world.store.site(SITE), SiteChanges(title=SIGN * LONGEST_NAME), "", world.occasion)
        for _ in range(4):
            world.release(SITE)
        for number in range(OTHERS):
            world.add_site(_other_site(number), (Host(f"{number:02}.example.net"),))
        yield world


@pytest.fixture(scope="module")
def console(world: World) -> Console:
    """The console, with full lists."""
    console = Console(world)
    labels = {serial_of(device): _label(device) for device in range(DOORS)}
    console.side.device_import.run(SITE, list(labels), (), world.occasion, labels=labels)
    for device in range(DOORS // 2):
        world.see(*(world.finished(device, 4, NOW - timedelta(days=30 - night), SITE) for night in range(9)))
    _fill_log(world)
    _fill_access(world, console)
    _fill_call_ins(world, console)
    return console


def _fill_log(world: World) -> None:
    request = RotationRequest(SITE, RotationWay.SERVER_RENEWAL, world.folder / "none", AuthorityKeys())
    world.rotations.begin(request, world.occasion, tell_nobody)
    occasion = world.occasion.because(SIGN * LONGEST_REASON)
    for _ in range(60):
        world.store.record(occasion.event(AuditAction.ROTATION_HELD, SITE, rotation="1", why=SIGN * 200))
    world.rotations.abort(SITE, SIGN * LONGEST_REASON, world.occasion)


def _fill_access(world: World, console: Console) -> None:
    grant = Grant(Role.ADMIN, frozenset(_other_site(number) for number in range(OTHERS)))
    for number in range(110):
        console.side.access.people.add(_person(number), grant, world.occasion)
    admin = console.person("maker", Role.ADMIN)
    assert admin.get("/").status_code == 200
    secret = admin.client.get_cookie("engage")
    assert secret is not None
    actor = console.side.access.sign_ins.actor(secret.value, NOW)
    assert actor is not None
    for number in range(110):
        console.side.access.tokens.add(_person(number), grant, 30, actor, world.occasion)


def _fill_call_ins(world: World, console: Console) -> None:
    site = world.store.site(SITE)
    world.store.change_site(replace(site, call_in=UPSTREAM), world.occasion.event(AuditAction.SITE_CHANGED, SITE))
    (world.folder / "data" / "spool").mkdir(parents=True)
    for device in range(60):
        upload = Upload("audit", "/engage/audit", b"{}", "application/json", "", "192.0.2.1", NOW)
        console.side.uploads.append(SITE, serial_of(device), upload)
    for pending in console.side.uploads.pending(SITE).values():
        console.side.uploads.reject(pending[0], 422)
    for device in range(60):
        console.side.call_faults.record(SITE, CallFault(NOW, serial_of(device), f"{device}{SIGN * 200}"))


@pytest.fixture(scope="module")
def admin(console: Console) -> Browser:
    """Who may see everything."""
    return console.person("admin", Role.ADMIN)


Pages = Callable[[str], Shown]


@pytest.fixture(scope="module")
def shown(admin: Browser) -> Pages:
    """Each page once: a full one costs up to a second, and several tests look at the same ones, which do not change."""
    return cache(admin.page)


def _next(page: Shown) -> str:
    return str(page.tree.xpath("string(//main//a[@rel='next']/@href)"))


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/tonight/walk-list",
        "/audit-log",
        "/people",
        f"/people?person={_person(1)}",
        "/people/tokens",
        "/about",
        "/account",
        "/check",
        "/doors?search=0",
        BASE,
        f"{BASE}/releases",
        f"{BASE}/releases/4",
        f"{BASE}/rotation",
        f"{BASE}/rotations/1",
        f"{BASE}/doors",
        f"{BASE}/doors?show=at-risk",
        f"{BASE}/doors?show=never-seen",
        f"{BASE}/doors/{serial_of(1)}",
        f"{BASE}/call-ins",
    ],
)
def test_a_page_with_the_longest_names_is_small(shown: Pages, path: str) -> None:
    """And so is the one after it."""
    page = shown(path)
    assert len(page.answer.data) < MOST_BYTES
    if _next(page):
        assert len(shown(_next(page)).answer.data) < MOST_BYTES


@pytest.mark.parametrize("path", ["/tonight/walk-list", f"{BASE}/doors", f"{BASE}/doors?show=at-risk"])
def test_the_pages_of_a_list_have_each_door_once(shown: Pages, path: str) -> None:
    """However few fit on one."""
    found: list[str] = []
    address = path
    while address:
        page = shown(address)
        assert len(page.answer.data) < MOST_BYTES
        found += page.tree.xpath("//main//small[@class='serial']/text()")
        address = _next(page)
    wanted = range(DOORS)
    assert sorted(found) == [serial_of(device) for device in wanted]


def test_the_pages_of_the_audit_log_have_each_entry_once(shown: Pages) -> None:
    """A longer reason leaves fewer on a page."""
    numbers: list[int] = []
    address = f"/audit-log?site={SITE}"
    while address:
        page = shown(address)
        assert len(page.answer.data) < MOST_BYTES
        numbers += [int(row[0]) for row in page.rows()]
        address = _next(page)
    assert numbers == sorted(set(numbers), reverse=True)
    assert len(numbers) > 60


def test_the_walk_list_says_which_page_of_how_many_it_is(admin: Browser, shown: Pages) -> None:
    """On paper, too: the links to other pages are left out there."""
    first = shown("/tonight/walk-list")
    (head,) = first.tree.xpath("//main/p[strong]")
    words = " ".join(head.text_content().split())
    assert words.startswith("Page 1 of ")
    assert words.endswith(f"of all {DOORS} doors at risk, by place.")
    assert not first.tree.xpath("//main//a[@rel='prev']")
    second = shown(_next(first))
    assert "Page 2 of " in second.text
    assert set(second.tree.xpath("//main//a[@rel='prev']/@href")) == {"/tonight/walk-list"}
    for beyond in ("99999", "0", "x"):
        assert "no page" in admin.page(f"/tonight/walk-list?page={beyond}", status=404).alert


def test_of_many_sites_tonight_shows_some(shown: Pages) -> None:
    """The worst first. The others are on the next pages."""
    names: list[str] = []
    address = "/"
    while address:
        page = shown(address)
        names += [each.rpartition("/")[2] for each in page.tree.xpath("//main//h2/a/@href")]
        address = _next(page)
    assert names[0] == SITE
    assert sorted(names) == sorted([SITE, *map(_other_site, range(OTHERS))])


def test_of_many_sites_a_grant_names_some_in_lines(admin: Browser, console: Console) -> None:
    """A box for each would make the page too large. An unknown name is refused."""
    page, where = "/people", {"add-role": "viewer", "add-where": "ticked"}
    refused = admin.refused(page, "/people/add", name="newcomer", **where, **{"add-sites": "nowhere"})
    assert "There is no site 'nowhere'" in refused.alert
    written = f"{_other_site(1)}\n{_other_site(2)}"
    admin.send(page, "/people/add", name="newcomer", **where, **{"add-sites": written})
    grant = console.side.access.people.person("newcomer").grant
    assert grant == Grant(Role.VIEWER, frozenset((_other_site(1), _other_site(2))))


def test_a_limit_shrinks_only_what_is_too_large() -> None:
    """And ends where nothing can be left out."""
    limit = RowLimit()
    assert limit.at_most(50) == 50
    assert limit.smaller(MOST_BYTES - 1) is None
    less = limit.smaller(MOST_BYTES * 4)
    assert less is not None
    assert 1 <= less.at_most(50) < 15
    assert RowLimit(30).at_most(50) == 1
    without_lists = RowLimit()
    assert without_lists.smaller(MOST_BYTES * 9) is None
    last = RowLimit(30)
    last.at_most(50)
    assert last.smaller(MOST_BYTES * 9) is None


def test_a_page_with_short_names_has_the_usual_number_of_rows(tmp_path: Path) -> None:
    """The limit costs nothing where nobody needs it."""
    with World(tmp_path) as world:
        world.add_site()
        console = Console(world)
        serials = [serial_of(device) for device in range(DOORS)]
        labels = {serial: DeviceLabel("North entrance", "Building 3") for serial in serials}
        console.side.device_import.run("main", serials, (), world.occasion, labels=labels)
        assert len(console.person("ann").page("/sites/main/doors").rows()) == 100
