"""Secrets are on no page and in no download, for no role, and no form repeats them: looked for on every page."""

import logging
from collections.abc import Iterator

import pytest

from engage_server.records import Actor, ActorKind, Grant, Role, RotationWay
from engage_server.web.console.path_parameters import filled
from engage_server.web.console.table import PAGES
from tests.support.canaries import forms_of, lines_of
from tests.support.chains import SITE_KEY
from tests.support.console import Browser, Console
from tests.support.databases import INSTALLATION_KEY, SEALER
from tests.support.world import World, serial_of

PASSWORD, PASSPHRASE = "correct horse battery", "the passphrase of a canary"
KEY_ENCRYPTION_KEY = bytes(32)  # of the tests' databases
VALUES: dict[str, str | int] = {"site": "main", "number": 1, "door": serial_of(1)}


@pytest.fixture
def world(world: World) -> World:
    """With a door, and a rotation whose keys lie on the disk."""
    world.sites.add_device(serial_of(1), "main", world.occasion)
    world.see(world.finished(1, 1, world.occasion.now))
    world.rotations.start(world.request(RotationWay.SERVER_RENEWAL), world.occasion)
    return world


@pytest.fixture
def secrets(console: Console, world: World) -> Iterator[set[str]]:
    """All there are: keys, a token, an invitation and a password. The sessions of browsers come to it."""
    keys = (SITE_KEY.reveal(), KEY_ENCRYPTION_KEY, INSTALLATION_KEY.reveal(), SEALER.release_key.reveal())
    found = {"PRIVATE KEY", PASSWORD}.union(*map(forms_of, keys))
    for key in world.folder.rglob("*.key"):
        found |= lines_of(key.read_text())
    found.add(console.side.access.people.add("invited", Grant(Role.VIEWER, None), world.occasion))
    maker = Actor("tester", ActorKind.COMMAND_LINE)
    token = console.side.access.tokens.add("reporting", Grant(Role.VIEWER, None), 30, maker, world.occasion)
    yield found | {token, token.split("_")[2]}


def session_of(browser: Browser) -> str:
    cookie = browser.client.get_cookie("engage")
    assert cookie is not None and cookie.value
    return cookie.value


@pytest.mark.parametrize("role", Role)
def test_no_page_and_no_download_holds_a_secret(
    console: Console, secrets: set[str], role: Role, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    browser, other = console.person("ann", role), console.person("bert", Role.ADMIN)
    secrets |= {session_of(browser), session_of(other)}
    said = []
    for page in PAGES:
        for path in (page.path, *(download.path for download in page.downloads)):
            answer = browser.get(filled(path, VALUES))
            assert answer.status_code < 500
            said.append(f"{answer.headers} {answer.get_data(as_text=True)}")
    everything = "\n".join([*said, caplog.text, repr(caplog.records)])
    assert {secret for secret in secrets if secret in everything} == set()
    assert sum("<h1>" in each for each in said) >= len(PAGES), "the control: pages were seen"
    assert len(secrets) > 20, "the control: there is something to find"


def test_a_secret_that_was_typed_is_not_shown_again(
    console: Console, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """A passphrase, and a private key that somebody pasted with a chain, on each form that has a place for them."""
    caplog.set_level(logging.DEBUG)
    browser, said, asked = console.person("ann", Role.ADMIN), [], 0
    chain = world.chain_folder()
    key = (chain / "partner_server.key").read_text()
    pasted = (chain / "partner_server.pem").read_text() + key
    for page in PAGES:
        for form in browser.page(filled(page.path, VALUES)).tree.xpath("//main//form[@method='post']"):
            fields = {name: value or "" for name, value in form.form_values()}
            fields |= {str(each.get("name")): PASSPHRASE for each in form.xpath(".//input[@type='password']")}
            fields |= {str(each.get("name")): pasted for each in form.xpath(".//textarea")}
            if {PASSPHRASE, pasted} & set(fields.values()):
                answer = browser.post(form.action, fields)
                said.append(f"{answer.headers} {answer.text}")
                asked += 1
    everything = "\n".join([*said, caplog.text])
    assert {secret for secret in {PASSPHRASE, *lines_of(key)} if secret in everything} == set()
    assert asked, "the control: there is such a form"
