"""Signing in at a real OpenID provider, npm's oidc-provider, in a real browser."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import JUDGES, NODE, Witness, needs_browser
from tests.support.commands import engage
from tests.support.installation import make_installation
from tests.support.running import RunningPair, eventually, free_port, ok, running_pair

SCRIPT = Path(__file__).parents[1] / "support" / "openid_judge.mjs"
PASSWORD = "correct horse battery"
GROUPS = """
[groups.doors]
role = "operator"
sites = ["main"]

[groups.readers]
role = "viewer"
"""
pytestmark = [
    pytest.mark.long("tests/unit/web/sign_in/test_openid.py, with a provider of the tests"),
    *needs_browser,
    pytest.mark.skipif(not Path(NODE).is_file(), reason="playwright has no Node.js for this machine"),
    pytest.mark.skipif(
        not (JUDGES / "oidc-provider").is_dir(),
        reason="oidc-provider is not there: npm fetches it in scripts/test --all",
    ),
]


class Judge:
    """The provider, in a process of its own.

    Attributes:
        issuer: Its address. Not ``localhost``, so that for a browser it is another site than ours.
    """

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self.give({})

    def give(self, groups: dict[str, list[str]]) -> None:
        """Set everybody's groups."""
        (self._folder / "groups.json").write_text(json.dumps(groups))

    @contextmanager
    def running(self, return_url: str) -> Iterator[None]:
        """While it serves."""
        command = (NODE, SCRIPT, JUDGES, str(self.port), return_url, self._folder / "groups.json")
        log = (self._folder / "provider.log").open("w+")
        with log, subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) as process:
            try:
                eventually(lambda: "ready" in Path(log.name).read_text() or process.poll() is not None, "the provider")
                yield
            finally:
                process.terminate()


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    return Judge(tmp_path_factory.mktemp("provider"))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, judge: Judge) -> Iterator[RunningPair]:
    """With the provider in its settings, and with TLS, so that the cookies have their best names."""
    folder = make_installation(tmp_path_factory.mktemp("openid"))
    (folder / "oidc.toml").write_text(GROUPS)
    (folder / "oidc.secret").write_text("a secret of the tests\n")
    (folder / "oidc.secret").chmod(0o600)
    with (folder / "engage.toml").open("a") as file:
        file.write('\noperators_tls_certificate = "site"\n')
        file.write(f'oidc_issuer = "{judge.issuer}"\noidc_client_id = "engage"\n')
        file.write('oidc_client_secret_file = "oidc.secret"\noidc_scopes = "openid profile groups"\n')
    with running_pair(folder, "--workers", "1") as pair:
        yield pair


@pytest.fixture(scope="module")
def base(pair: RunningPair) -> str:
    return f"https://localhost:{pair.operators_port}"


@pytest.fixture
def serving(judge: Judge, base: str) -> Iterator[Judge]:
    with judge.running(f"{base}/sign-in/openid/return"):
        yield judge


def travel(page: Any, base: str, name: str) -> None:
    """From our button through the provider's pages, until we answer again."""
    page.goto(f"{base}/sign-in")
    page.get_by_role("link", name="Sign in with OpenID").click()
    page.get_by_placeholder("Enter any login").fill(name)
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(re.compile(f"^{base}/(sign-in/openid/return.*)?$"))


def account(page: Any, base: str) -> str:
    """What the page of one's own account says."""
    page.goto(f"{base}/account")
    return str(page.inner_text("main"))


def test_a_person_signs_in_and_out_and_in_again(browser: Any, base: str, pair: RunningPair, serving: Judge) -> None:
    serving.give({"anna": ["doors", "others"]})
    with browser.new_context(ignore_https_errors=True) as context:
        witness, page = Witness(context), context.new_page()
        travel(page, base, "anna")
        page.wait_for_url(f"{base}/")
        assert "You are anna: operator at main" in account(page, base)
        ours = {each["name"]: each for each in context.cookies(base) if "engage" in each["name"]}
        assert set(ours) == {"__Host-engage"}, "the cookie of the trip is gone"
        cookie = ours["__Host-engage"]
        assert (cookie["sameSite"], cookie["secure"], cookie["httpOnly"]) == ("Strict", True, True)
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/sign-in")
        page.get_by_role("link", name="Sign in with OpenID").click()
        page.wait_for_url(f"{base}/")
        assert "anna" in page.inner_text("header"), "the provider remembers"
        ours_alone = [each for each in witness.complaints if base in each]
        assert ours_alone == []
    assert "code=" not in pair.log


@pytest.mark.campaign("with scripts, above; tests/unit/web/sign_in/test_openid.py has the groups")
def test_without_scripts_a_smaller_group_is_a_smaller_role(browser: Any, base: str, serving: Judge) -> None:
    serving.give({"bert": ["doors"]})
    with browser.new_context(java_script_enabled=False, ignore_https_errors=True) as context:
        page = context.new_page()
        travel(page, base, "bert")
        page.wait_for_url(f"{base}/")
        assert "You are bert: operator at main" in account(page, base)
        serving.give({"bert": ["readers"]})
        with browser.new_context(ignore_https_errors=True) as other:
            second = other.new_page()
            travel(second, base, "bert")
            second.wait_for_url(f"{base}/")
            assert "You are bert: viewer at all sites" in account(second, base)
        page.goto(base)
        assert page.url == f"{base}/sign-in", "the session with the greater role is over"


def test_somebody_without_a_group_stays_outside(browser: Any, base: str, pair: RunningPair, serving: Judge) -> None:
    serving.give({"carl": ["others"]})
    with browser.new_context(ignore_https_errors=True) as context:
        page = context.new_page()
        travel(page, base, "carl")
        assert "None of your groups at the provider may sign in here" in page.get_by_role("alert").inner_text()
        page.goto(base)
        assert page.url == f"{base}/sign-in"
    people = json.loads(ok(engage(pair.folder, "people", "list", "--json")))
    assert "carl" not in [each["person"] for each in people]
    eventually(lambda: "openid.no_group" in pair.log, "the log says why")


def test_while_the_provider_is_down_a_local_admin_gets_in(browser: Any, base: str, pair: RunningPair) -> None:
    printed = ok(engage(pair.folder, "people", "add", "chief", "--role", "admin", "--link")).strip()
    with browser.new_context(ignore_https_errors=True) as context:
        page = context.new_page()
        page.goto(f"{base}{printed[printed.index('/sign-in/') :]}")
        for label in ("New password", "The same once more"):
            page.get_by_label(label).fill(PASSWORD)
        page.get_by_role("button").click()
        page.wait_for_url(f"{base}/")
        page.get_by_role("button", name="Sign out").click()
        time.sleep(5)  # somebody may have been sent there a moment ago, when it was still up
        begun = time.monotonic()
        page.goto(f"{base}/sign-in/openid")
        page.get_by_role("alert").wait_for()
        assert time.monotonic() - begun < 15
        page.get_by_label("Name").fill("chief")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button").click()
        page.wait_for_url(f"{base}/")
        assert "You are chief: admin at all sites" in account(page, base)
