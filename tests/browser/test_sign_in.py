"""Signing in and out in a real browser."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.browser import Witness, needs_browser
from tests.support.browsing.axe import needs_axe, violations
from tests.support.commands import engage
from tests.support.installation import make_installation
from tests.support.running import RunningPair, ok, running_pair

pytestmark = [pytest.mark.long("tests/unit/web/sign_in/test_routes.py, without a browser"), *needs_browser]

PASSWORD = "correct horse battery"
COLOURS = {"light": ["rgb(26, 31, 38)", "rgb(255, 255, 255)"], "dark": ["rgb(230, 233, 238)", "rgb(20, 23, 28)"]}
NARROW = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPair]:
    with running_pair(make_installation(tmp_path_factory.mktemp("browser")), "--workers", "1") as pair:
        yield pair


@pytest.fixture(scope="module")
def base(pair: RunningPair) -> str:
    return f"http://localhost:{pair.operators_port}"


@pytest.fixture(scope="module")
def link_of(pair: RunningPair, base: str) -> Callable[[str], str]:
    """The one-time link of a new person."""

    def link(name: str) -> str:
        printed = ok(engage(pair.folder, "people", "add", name, "--role", "operator", "--link")).strip()
        return f"{base}{printed[printed.index('/sign-in/') :]}"

    return link


def set_password(page: Any, link: str) -> None:
    page.goto(link)
    for label in ("New password", "The same once more"):
        page.get_by_label(label).fill(PASSWORD)
    page.get_by_role("button").click()
    page.wait_for_url(re.compile(r"/$"))


def fill_in(page: Any, name: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button").click()


@pytest.mark.parametrize(
    "scripts",
    [
        pytest.param(True, id="with scripts"),
        pytest.param(False, id="without scripts", marks=pytest.mark.campaign("with scripts, beside")),
    ],
)
def test_from_the_link_to_the_second_sign_in(
    browser: Any, base: str, link_of: Callable[[str], str], scripts: bool
) -> None:
    name = f"anna{scripts:d}"
    with browser.new_context(java_script_enabled=scripts) as context:
        witness, page = Witness(context), context.new_page()
        link = link_of(name)
        set_password(page, link)
        page.get_by_role("link", name=name).click()
        assert f"You are {name}: operator at all sites" in page.inner_text("main")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/sign-in")
        page.goto(f"{base}/audit-log?site=main")
        fill_in(page, name)
        page.wait_for_url(f"{base}/audit-log?site=main")
        assert name in page.inner_text("header")
        page.goto(link)
        assert "This link is over" in page.inner_text("h1")
        assert witness.elsewhere == []
        assert len(witness.requests) > 8
        assert witness.complaints == []


def test_the_cookie_as_the_browser_has_it(browser: Any, base: str, link_of: Callable[[str], str]) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        set_password(page, link_of("bert"))
        (cookie,) = context.cookies()
        assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("engage", True, "Strict")
        assert (cookie["expires"], cookie["domain"], cookie["path"]) == (-1, "localhost", "/")
        assert page.evaluate("document.cookie") == "", "no script reads it"


def test_after_signing_out_nothing_is_shown(browser: Any, base: str, link_of: Callable[[str], str]) -> None:
    with browser.new_context() as context:
        page, second = context.new_page(), context.new_page()
        set_password(page, link_of("carl"))
        second.goto(base)
        assert "carl" in second.inner_text("header")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/sign-in")
        page.go_back()
        assert "carl" not in page.content(), "the button for the page before"
        second.reload()
        assert "carl" not in second.content(), "the other tab"
        assert context.cookies() == []


def test_a_planted_script_does_not_run(browser: Any, base: str) -> None:
    """The control of the policy: without it, the same script runs."""
    titles = []
    for bypass in (False, True):
        with browser.new_context(bypass_csp=bypass) as context:
            witness, page = Witness(context), context.new_page()

            def planted(route: Any) -> None:
                answer = route.fetch()
                body = answer.text().replace("<main>", "<main><script>document.title = 'planted'</script>")
                route.fulfill(response=answer, body=body)

            page.route("**/sign-in", planted)
            page.goto(f"{base}/sign-in")
            titles.append(page.title())
            assert bool(witness.complaints) is not bypass
    assert titles == ["Sign in - engage-server", "planted"]


@needs_axe
@pytest.mark.parametrize("scheme", [pytest.param("light", marks=pytest.mark.campaign("dark, beside")), "dark"])
def test_on_a_telephone(browser: Any, base: str, link_of: Callable[[str], str], scheme: str) -> None:
    with browser.new_context(viewport=NARROW, color_scheme=scheme) as context:
        page = context.new_page()
        link = link_of(f"dora-with-a-name-that-is-as-long-as-a-name-can-be-{scheme}")

        def assert_readable() -> None:
            assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], page.url
            colours = page.evaluate(
                "(({color, backgroundColor}) => [color, backgroundColor])(getComputedStyle(document.documentElement))"
            )
            assert colours == COLOURS[scheme]
            assert violations(page) == [], page.url

        page.goto(f"{base}/sign-in")
        assert_readable()
        page.get_by_label("Name").fill("nobody")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button").click()
        page.get_by_role("alert").wait_for()
        assert_readable()
        page.goto(f"{base}/sign-in/none")
        assert_readable()
        page.goto(link)
        assert_readable()
        set_password(page, link)
        assert_readable()
