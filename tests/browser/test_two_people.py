"""Two people in two browsers take a site of virtual locks through a linked re-key, and back out of another one.

One of them has no scripts: nothing needs any.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from engage_server.lock.firmware import Firmware
from engage_server.lock.fleet.nights import Fleet, FleetPlan
from engage_server.lock.fleet.tally import FleetTally
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.target import Target
from tests.support.browser import needs_browser
from tests.support.browsing.furnished import signed_in
from tests.support.browsing.looks import PLAIN, WITHOUT_SCRIPTS, looking
from tests.support.chains import SITE_KEY
from tests.support.commands import engage, ok
from tests.support.installation import make_installation
from tests.support.lengths import examples
from tests.support.rotating import night as night_of_one
from tests.support.rotating import progress
from tests.support.running import RunningPair, eventually, running_pair
from tests.support.world import serial_of

LOCKS = examples(campaign=500, all=60, quick=60)
ROTATION = "/sites/main/rotation"
SILENT = serial_of(1)

pytestmark = [
    pytest.mark.long("tests/unit/web/console/pages/test_rotation.py, without a browser; test_rotation.py by commands"),
    *needs_browser,
]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPair]:
    """A site where a second person must approve."""
    folder = make_installation(tmp_path_factory.mktemp("two"))
    ok(engage(folder, "site", "change", "main", "--approvals", "1", "--reason", "two keys"))
    with running_pair(folder, "--workers", "1", ENGAGE_GATE_SECONDS="0.5") as pair:
        yield pair


@pytest.fixture(scope="module")
def base(pair: RunningPair) -> str:
    return f"http://localhost:{pair.operators_port}"


@pytest.fixture(scope="module")
def anna(browser: Any, pair: RunningPair, base: str) -> Iterator[Any]:
    """Her browser. She may start a rotation, and not approve one."""
    with looking(browser, PLAIN, storage_state=signed_in(browser, base, pair.folder, "anna", "operator")) as (page, _):
        yield page


@pytest.fixture(scope="module")
def bert(browser: Any, pair: RunningPair, base: str) -> Iterator[Any]:
    """His browser, in which no script runs. He may approve."""
    session = signed_in(browser, base, pair.folder, "bert", "approver")
    with looking(browser, WITHOUT_SCRIPTS, storage_state=session) as (page, _):
        yield page


@pytest.fixture(scope="module")
def locks(pair: RunningPair) -> Fleet:
    """Each remembers its anchor from night to night."""
    target = Target("localhost", pair.http_port, pair.https_port)
    return Fleet(target, SITE_KEY, DeviceLimits(seconds=120), Firmware(), FleetPlan(LOCKS, 0, at_once=8), _now)


def _now() -> datetime:
    return datetime.now(UTC)


def night(locks: Fleet) -> dict[str, Any]:
    """All locks call once."""
    tally = FleetTally()
    locks.run(tally)
    report = tally.report()
    assert (report["calls"], report["why_lost"]) == (LOCKS, [])
    return report


def is_done(page: Any) -> bool:
    """Whether the page says that what was asked for was done."""
    assert page.get_by_role("alert").all_inner_texts() == []
    return str(page.get_by_role("status").inner_text()).startswith("Done:")


def start(page: Any, base: str, way: str) -> None:
    """Start a rotation that goes on when a person approves it, with as short a soak as there is."""
    page.goto(f"{base}{ROTATION}?way={way}")
    form = page.locator("#start-form")
    form.get_by_label(f"{way}:").check()
    form.locator("summary", has_text="Limits of the gate").click()
    form.get_by_label("Hours that each step lasts at least").fill("0")
    form.get_by_label("Pause before each step").check()
    form.get_by_label("Reason").fill("the old root ends soon")
    form.get_by_role("button", name="Start the rotation").click()
    assert is_done(page)


def approve(page: Any, base: str, typed: str | None = None) -> None:
    page.goto(f"{base}{ROTATION}")
    form = page.locator("#approve-form")
    form.get_by_label("Reason").fill("we looked at the doors")
    if typed is not None:
        form.get_by_label("To confirm").fill(typed)
    form.get_by_role("button", name="Approve the step").click()


def came_through(pair: RunningPair) -> int:
    """How many locks have finished TLS, as the evidence knows."""
    return ok(engage(pair.folder, "device", "export")).count(",main,handshake")


def figures(page: Any, base: str) -> dict[str, str]:
    """What the page says of the open rotation."""
    page.goto(f"{base}{ROTATION}")
    names, values = (page.locator(f".figures {tag}").all_inner_texts() for tag in ("dt", "dd"))
    return dict(zip(names, values, strict=True))


def test_a_linked_rekey_by_two(pair: RunningPair, base: str, anna: Any, bert: Any, locks: Fleet) -> None:
    night(locks)
    night_of_one(pair, 1)
    eventually(lambda: came_through(pair) == LOCKS + 1, "all locks are known")

    anna.goto(f"{base}{ROTATION}")
    (planned,) = [row for row in anna.locator("table tr").all_inner_texts() if row.startswith("linked-rekey")]
    assert f"{LOCKS + 1} doors, with chain 2 of 2" in planned, "each fails TLS once when the new root is served alone"
    start(anna, base, "linked-rekey")
    assert figures(anna, base)["Served now"] == "Release 2"
    eventually(lambda: pair.metrics()['engage_release_served{site="main"}'] in (0, 2), "the workers follow")

    night(locks)
    eventually(lambda: figures(bert, base).get("Came through") == f"{LOCKS} of {LOCKS + 1}", "the evidence is stored")
    bert.goto(f"{base}{ROTATION}")
    assert f"The gate waits. {LOCKS} of {LOCKS + 1} devices came through; 1 still due" in bert.inner_text("main")
    assert "by anna" in bert.inner_text("main")
    bert.get_by_role("link", name="1 door has not come through yet").click()
    assert bert.locator("table tbody tr").count() == 1
    assert SILENT in bert.inner_text("table tbody")

    anna.goto(f"{base}{ROTATION}")
    assert anna.locator("#approve-form").count() == 0, "she may not"
    approve(bert, base, "another site")
    assert "was not typed, so nothing was done" in bert.get_by_role("alert").inner_text()
    assert bert.get_by_label("Reason").first.input_value() == "we looked at the doors", "what was typed is there"
    assert progress(pair.folder)["served"] == 2
    approve(bert, base, "main")
    assert is_done(bert)
    assert figures(anna, base)["Served now"] == "Release 3"

    taken = eventually_all_taken(locks)
    assert taken == LOCKS, "each took the new anchor, once"
    eventually(lambda: figures(anna, base).get("Came through") == f"{LOCKS} of {LOCKS + 1}", "the evidence is stored")
    approve(bert, base)
    bert.goto(f"{base}{ROTATION}")
    (past,) = bert.locator("#past ~ section tbody tr").all_inner_texts()
    assert "linked-rekey" in past
    assert "done" in past
    bert.get_by_role("link", name="Rotation 1").click()
    told = bert.inner_text("main").lower()
    assert "we looked at the doors" in told
    assert told.index("anna") < told.index("bert")


def eventually_all_taken(locks: Fleet) -> int:
    """Let nights pass until no lock takes another anchor: the workers follow an approval within a moment."""
    taken = 0
    for _ in range(5):
        changed: int = night(locks)["anchors_taken"]
        taken += changed
        if taken >= LOCKS and not changed:
            break
    return taken


@pytest.mark.campaign("tests/end_to_end/test_rotation.py: abort, and back and away for good, by commands")
def test_back_out_of_another_one(pair: RunningPair, base: str, anna: Any, bert: Any, locks: Fleet) -> None:
    """After the one above."""
    start(anna, base, "server-renewal")
    assert figures(bert, base)["Served now"] == "Release 4"
    night(locks)
    bert.goto(f"{base}{ROTATION}")
    form = bert.locator("#abort-form")
    form.get_by_label("Reason").fill("a trial was enough")
    form.get_by_label("To confirm").fill("main")  # the silent lock, which has the old root, would refuse release 3
    form.get_by_role("button", name="Go back to release 3").click()
    assert is_done(bert)
    anna.goto(f"{base}/sites/main/releases")
    current = [row for row in anna.locator("table tbody tr").all_inner_texts() if "current" in row]
    assert len(current) == 1
    assert "3" in current[0].split()
    assert night(locks)["anchors_taken"] == 0
    anna.goto(f"{base}/audit-log")
    told = anna.inner_text("main").lower()
    assert "a trial was enough" in told
    assert "the old root ends soon" in told
