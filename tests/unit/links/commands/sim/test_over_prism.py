"""The document's six how-tos and the rest of ``engage sim``, over Prism: a contract judges what is sent."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import engage, ok
from tests.support.partner import Got
from tests.support.sim.accounts import CLIENT_SECRET, ICCID, links_file
from tests.support.sim.prism import prism
from tests.support.sim.relay import Answer, Relay, first_page_only

pytestmark = pytest.mark.long("test_network.py, test_setting.py and test_reading.py, with an account in memory")
LINK = f'[links.depot-sim]\nsite = "main"\npartner = "sim"\naccount = "jpu"\nthings = ["{ICCID}"]\n'
TUNNEL_SECRET = "canary-of-our-tunnel-0123456789"


@pytest.fixture(scope="module")
def served() -> Iterator[int]:
    with prism() as port:
        yield port


@pytest.fixture
def relay(served: int) -> Iterator[Relay]:
    with Relay(served) as relay:
        yield relay


@pytest.fixture
def folder(sim_folder: Path, tmp_path: Path, relay: Relay) -> Path:
    """A copy of the installation, whose account leads to Prism."""
    folder = tmp_path / "here"
    shutil.copytree(sim_folder, folder, ignore=shutil.ignore_patterns("links", "links.toml"))
    links_file(folder, relay.url, more=LINK)
    return folder


def _locked(got: Got, answer: Answer) -> Answer:
    status, fields, body = answer
    if got.method == "GET" and got.path == f"/things/{ICCID}":
        body = json.dumps(json.loads(body) | {"ip_locked": True}).encode()
    return status, fields, body


def test_the_six_how_tos(folder: Path, relay: Relay) -> None:
    (folder / "tunnel.secret").touch(mode=0o600)
    (folder / "tunnel.secret").write_text(TUNNEL_SECRET + "\n")
    (folder / "sms.txt").write_text("REBOOT\n")
    relay.states[ICCID] = "PROVISIONED"
    # retrieve initial information
    assert ICCID in ok(engage(folder, "sim", "list"))
    assert f"{ICCID}: PROVISIONED" in ok(engage(folder, "sim", "show", "--site", "main"))
    for what in ("groups", "networks", "profiles", "users"):
        assert json.loads(ok(engage(folder, "sim", "list", "--what", what, "--json")))
    # activate a new SIM
    assert "Charges begin" in ok(engage(folder, "sim", "plan", "--site", "main", "--to", "ACTIVE"))
    ok(engage(folder, "sim", "set", "--site", "main", "--to", "ACTIVE", "--yes", "--reason", "new router"))
    assert relay.states == {ICCID: "ACTIVE"}
    # add a filter rule
    out = ("--direction", "out", "--destination", "198.51.100.7/32", "--port", "443")
    ok(engage(folder, "sim", "rule", "add", "p1", *out, "--yes"))
    assert "r1" in ok(engage(folder, "sim", "rule", "list", "p1"))
    # forward a port
    ok(engage(folder, "sim", "lock-address", ICCID, "--address", "10.20.0.7"))
    relay.instead = _locked  # Prism has no memory
    ports = ("--outside-port", "8443", "--inside-port", "443", "--address", "10.20.0.7")
    ok(engage(folder, "sim", "nat", "add", ICCID, "--network", "n1", *ports, "--yes"))
    # set up a tunnel
    tunnel = ("--peer", "192.0.2.1", "--local", "10.20.0.0/24", "--remote", "10.0.0.0/8")
    ok(
        engage(
            folder,
            *("sim", "ipsec", "add", "--network", "n1", *tunnel, "--shared-secret-file", "tunnel.secret", "--yes"),
        )
    )
    # send an SMS
    ok(engage(folder, "sim", "sms", "send", "--site", "main", "--text-file", "sms.txt", "--yes"))
    assert [json.loads(each.body)["text"] for each in relay.got if each.path.endswith("/sms")] == ["REBOOT"]
    log = ok(engage(folder, "audit", "show", "--json"))
    assert "sim-network:change-ordered" in log
    for canary in (TUNNEL_SECRET, CLIENT_SECRET, "REBOOT"):
        assert canary not in log


def test_a_suspended_sim_cuts_the_path_and_an_active_one_ends_it(folder: Path, relay: Relay) -> None:
    ok(engage(folder, "sim", "set", "--site", "main", "--to", "SUSPENDED", "--yes", "--reason", "winter"))
    (link,) = json.loads(engage(folder, "link", "list", "--json").stdout)
    assert (link["path"]["state"], link["path"]["said_by"]) == ("cut", "sim_suspended")
    ok(engage(folder, "sim", "set", "--site", "main", "--to", "ACTIVE", "--yes", "--reason", "spring"))
    (link,) = json.loads(ok(engage(folder, "link", "list", "--json")))
    assert link["path"]["state"] == "unknown", "that the path works, nobody said"


def test_what_the_contract_does_not_accept_is_never_sent(folder: Path, relay: Relay) -> None:
    done = engage(folder, "sim", "rule", "add", "p1", "--direction", "sideways", "--yes")
    assert done.returncode == 2
    assert "sideways" in done.stderr
    assert relay.paths("POST") == []


def test_a_quota_ends_a_bulk_that_can_be_taken_up(folder: Path, relay: Relay) -> None:
    relay.prefer = lambda got: "code=429" if got.method == "PATCH" else first_page_only(got)
    relay.instead = lambda got, answer: (
        (answer[0], {**answer[1], "retry-after": "7200"}, answer[2]) if answer[0] == 429 else answer
    )
    done = engage(folder, "sim", "set", "--site", "main", "--to", "SUSPENDED", "--yes")
    assert done.returncode == 3
    assert "429" in done.stderr
    assert "sim bulk resume" in done.stderr
    relay.prefer = first_page_only
    ok(engage(folder, "sim", "bulk", "resume", "--yes"))
    assert relay.states == {ICCID: "SUSPENDED"}
    assert len(relay.paths("PATCH")) == 2, "the one that was refused, and the one that was done"


def test_an_operator_that_breaks_down_in_a_write_is_asked_afterwards_what_happened(folder: Path, relay: Relay) -> None:
    relay.prefer = lambda got: "code=503" if got.method == "PATCH" else first_page_only(got)
    done = engage(folder, "sim", "set", "--site", "main", "--to", "SUSPENDED", "--yes")
    assert done.returncode == 3
    assert len(relay.paths("PATCH")) == 1, "a write is never repeated by itself"
    assert relay.paths("GET")[-1].endswith(ICCID), "it was looked up"
