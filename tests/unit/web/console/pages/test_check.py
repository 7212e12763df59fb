"""Check: what is sent is judged and shown at once, and nothing of it is kept."""

import ssl
from pathlib import Path

import pytest

from engage_server.records import Role
from engage_server.services.installation.audit_log import AuditLog
from tests.support.console import Browser, Console, Shown
from tests.support.world import World


@pytest.fixture
def browser(console: Console) -> Browser:
    """Who sees has the least role."""
    return console.person("ann", Role.VIEWER)


@pytest.fixture
def folder(world: World) -> Path:
    """A chain on disk."""
    return world.chain_folder()


def _checked(browser: Browser, **typed: str | bytes) -> Shown:
    answer = browser.send("/check", "/check", **typed)
    assert answer.status_code == 200, answer.text
    return Shown(answer)


def _chain(folder: Path) -> bytes:
    return (folder / "partner_server.pem").read_bytes() + (folder / "partner_CA.pem").read_bytes()


def test_a_good_chain_is_said_to_be_good_with_its_bytes(world: World, browser: Browser, folder: Path) -> None:
    """The picture and its table say how much of a device's memory it takes."""
    before = AuditLog(world.store).last(1)
    page = _checked(browser, chain=_chain(folder), site="main")
    assert "Devices will accept this chain" in page.status
    assert page.tree.xpath("//figure//*[local-name()='svg']")
    assert ["limit", "", "4,096"] in page.rows()
    assert AuditLog(world.store).last(1) == before, "nothing was changed"


def test_a_chain_for_other_hosts_is_refused_with_the_finding(browser: Browser, folder: Path) -> None:
    """The finding has its code, and how to fix it."""
    page = _checked(browser, chain=_chain(folder), hosts="other.example.org")
    assert "Do not serve this chain" in page.status
    assert "san.host_missing" in page.text


def test_a_pasted_chain_and_a_der_file_are_read_too(browser: Browser, folder: Path) -> None:
    """What was pasted is still there afterwards."""
    text = _chain(folder).decode()
    page = _checked(browser, pem=text, site="main")
    assert "Devices will accept" in page.status
    assert page.form("/check")["pem"].split() == text.split()
    assert (
        "path.incomplete"
        in _checked(
            browser, chain=ssl.PEM_cert_to_DER_cert(text[: text.index("-----END")] + "-----END CERTIFICATE-----")
        ).text
    )


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({}, "There is no chain to check."),
        ({"pem": "no certificate"}, "no certificate"),
        ({"chain": b"\x30\x82\x00"}, "no certificate that can be read"),
        ({"pem": "x", "profile": "toaster"}, "'Kind of device' "),
        ({"pem": "x", "hosts": "a b c " * 20}, "'Hosts' "),
    ],
)
def test_what_cannot_be_checked_is_said_on_the_page(
    browser: Browser, typed: dict[str, str | bytes], sentence: str
) -> None:
    """With what to do."""
    page = browser.refused("/check", "/check", **typed)
    assert sentence in page.alert


def test_a_private_key_is_refused_and_not_shown_again(browser: Browser, folder: Path) -> None:
    """Neither in the alert nor in the field."""
    key = (folder / "partner_server.key").read_text()
    page = browser.refused("/check", "/check", pem=key)
    assert "private key" in page.alert
    assert key.splitlines()[1] not in page.answer.text


def test_a_site_of_others_cannot_be_named(console: Console, folder: Path) -> None:
    """It is not in the list either."""
    browser = console.person("eve", Role.VIEWER, ("elsewhere",))
    assert "main" not in browser.page("/check").tree.xpath("//select[@id='site']/option/@value")
    assert "has no role at" in browser.refused("/check", "/check", chain=_chain(folder), site="main").alert


def test_who_has_a_role_at_one_site_checks_chains_too(console: Console, folder: Path) -> None:
    """For no site, and for that one."""
    browser = console.person("eve", Role.VIEWER, ("main",))
    assert "Devices will accept" in _checked(browser, chain=_chain(folder)).status
    assert "Devices will accept" in _checked(browser, chain=_chain(folder), site="main").status


def test_a_private_key_among_the_hosts_is_refused(browser: Browser, folder: Path) -> None:
    """It is not dropped without a word."""
    key = (folder / "partner_server.key").read_text()
    page = browser.refused("/check", "/check", chain=_chain(folder), hosts=key)
    assert key.splitlines()[1] not in page.answer.text
