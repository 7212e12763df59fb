"""``engage telekom acceptance`` against a pretended portal: the protocol, and what makes a case fail."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from engage_server.composition.operator_side import open_operator_side
from engage_server.links.telekom.messages.signing import sign
from engage_server.records import PathEvent, PathSays
from engage_server.settings import load_settings
from tests.support.commands import engage, ok
from tests.support.signed_messages import soap
from tests.support.telekom_links import API_KEY, ICCID, parties, write_links
from tests.support.telekom_portal import ACCEPTED, ADM, MON, USAGE, PretendedPortal, pretended_portal

TODAY = dt.datetime.now(dt.UTC)
PORTAL, _ = parties(TODAY)
CASE_A = ("telekom", "acceptance", "--environment", "ta", "--usage", f"iccid={ICCID}")
CASE_B = ("telekom", "acceptance", "--environment", "ta", "--activation", f"iccid={ICCID}")
FILES = f'wsdl_files = ["{ADM.name.replace("-", "Cl-")}", "{ADM}", "{MON}"]\n'


class Activating:
    """Answers both calls. After an activation, a notification of this name is stored, as the ingress would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notification = "M2MAdmResponse"

    def __call__(self, _body: bytes, path: str) -> tuple[int, bytes]:
        now = dt.datetime.now(dt.UTC)
        if path == "/M2MAdm":
            detail = {"message": self.notification, "identifiers": ICCID, "sha256": "f00d"}
            event = PathEvent(
                "main", "depot-sim", now, "telekom_notification", PathSays.NOTHING, detail, now.isoformat()
            )
            side = open_operator_side(load_settings(None, {}, {}, self.folder), {})
            side._store.add_path_events([event])
            side.close()
        return 200, sign(soap(ACCEPTED if path == "/M2MAdm" else USAGE), PORTAL, now)


@pytest.fixture
def portal(installation: Path) -> Iterator[PretendedPortal]:
    with pretended_portal(installation, Activating(installation)) as running:
        write_links(installation, TODAY, telekom_port=running.port)
        text = (installation / "links.toml").read_text()
        (installation / "links.toml").write_text(text.replace("[telekom]\n", f"[telekom]\n{FILES}"))
        yield running


def test_both_cases_and_the_protocol(installation: Path, portal: PretendedPortal) -> None:
    done = engage(installation, *CASE_A, *CASE_B[4:], "--output", "protocol.txt")
    ok(done)
    protocol = (installation / "protocol.txt").read_text()
    assert protocol.count("result: passed") == 2
    for part in ("a) synchronous", "b) asynchronous", "SIMUsageResponse", "MessageResponse", "M2MAdmResponse", "f00d"):
        assert part in protocol, part
    assert f"https://localhost:{portal.port}/M2MMon" in protocol
    assert "SIMActivation sent, signed" in done.stderr
    assert API_KEY not in protocol + done.stderr


def test_what_does_not_come_fails_the_case(installation: Path, portal: PretendedPortal) -> None:
    assert isinstance(portal.answer, Activating)
    portal.answer.notification = "Other"
    done = engage(installation, *CASE_B, "--wait", "0", "--json")
    assert done.returncode == 1
    (case,) = json.loads(done.stdout)["cases"]
    assert (case["passed"], case["failure"]) == (False, "no M2MAdmResponse came within 0 min")


def test_case_a_needs_no_installation(tmp_path: Path) -> None:
    with pretended_portal(tmp_path, Activating(tmp_path)) as running:
        write_links(tmp_path, TODAY, telekom_port=running.port)
        text = (tmp_path / "links.toml").read_text()
        (tmp_path / "links.toml").write_text(text.replace("[telekom]\n", f"[telekom]\n{FILES}"))
        assert "result: passed" in ok(engage(tmp_path, *CASE_A))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (CASE_A[:4], "there is no test case to run"),
        ((*CASE_B[:4], "--activation", "iccid=1"), "no value of --activation is an identifier of a link of ta"),
    ],
)
def test_what_cannot_be_run(installation: Path, portal: PretendedPortal, arguments: tuple[str, ...], said: str) -> None:
    done = engage(installation, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert portal.got == []


def test_a_wsdl_that_is_not_named(installation: Path, portal: PretendedPortal) -> None:
    text = (installation / "links.toml").read_text()
    (installation / "links.toml").write_text(text.replace(str(MON), "other.wsdl"))
    done = engage(installation, *CASE_A)
    assert done.returncode == 2
    assert "wsdl_files: no file is the WSDL of m2mmon" in done.stderr
