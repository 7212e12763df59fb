"""No command prints what an operator should not have sent: keys of SIMs, codes, shared keys and tokens."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import engage
from tests.support.sim.accounts import CLIENT_SECRET, ICCID, links_file
from tests.support.sim.raw import RawPeer, http

LINK = f'[links.depot-sim]\nsite = "main"\npartner = "sim"\naccount = "jpu"\nthings = ["{ICCID}"]\n'
SPELLED = "ki OPc pinCode PIN1 pass_phrase passphrase PUK-code pukCode puk authKey psk sharedSecret password token"
SECRETS = {name: f"canary-{number}" for number, name in enumerate(SPELLED.split())}
SENT = {"secret": "canary-of-a-tunnel-0123456789", "text": "REBOOT canary-of-an-sms"}
ENTRY = {"id": "kept", **SECRETS, "deep": [{"inner": SECRETS}]}
THING = {"iccid": ICCID, "state": "ACTIVE", "ip_locked": True, "ip_address": "10.20.0.7", "label": "kept", **SECRETS}
NETWORK = {"id": "n1", "routes": [ENTRY], "nat_rules": [ENTRY], "tunnels": [ENTRY], **SECRETS}
NET = ("--network", "n1")
COMMANDS = [
    ("list",),
    *(("list", "--what", what) for what in ("groups", "networks")),
    ("show", ICCID),
    ("plan", ICCID, "--to", "SUSPENDED"),
    ("set", ICCID, "--to", "SUSPENDED", "--yes"),
    ("services", ICCID, "--only", "data", "--yes"),
    ("lock-address", ICCID),
    ("rule", "list", "p1"),
    ("rule", "add", "p1", "--direction", "out", "--destination", "192.0.2.1/32", "--yes"),
    ("nat", "add", ICCID, *NET, "--outside-port", "1", "--inside-port", "1", "--yes"),
    ("ipsec", "list", *NET),
    (
        *("ipsec", "add", *NET, "--peer", "192.0.2.1", "--local", "10.20.0.0/24", "--remote", "10.0.0.0/8"),
        *("--shared-secret-file", "tunnel.secret", "--yes"),
    ),
    ("route", "add", "10.0.0.0/8", *NET, "--gateway", "192.0.2.1", "--yes"),
    ("sms", "send", ICCID, "--text-file", "sms.txt", "--yes"),
    ("billing",),
    ("user", "list"),
    ("user", "add", "anna", "--email", "a@example.org", "--permission", "reader"),
]


def body_of(request: bytes) -> str:
    """What was sent, as an operator may repeat it."""
    return request.partition(b"\r\n\r\n")[2].decode()


def answer(request: bytes) -> bytes:
    """What the contract's operations answer, with secrets among it."""
    method, path, *_ = request.decode("latin-1").split()
    path = path.partition("?")[0]
    content: object = {**ENTRY, "echo": body_of(request)}
    if path == "/things":
        content = {"things": [THING] if b"page=1" in request else []}
    elif path.startswith("/things") and method in ("GET", "PATCH"):
        content = THING if not path.endswith("reachability") else {"reachable": True, **SECRETS}
    elif method == "GET" and path.startswith(("/networks/", "/ip-profiles/")):
        content = NETWORK if "networks" in path else {"id": "p1", "rules": [ENTRY], **SECRETS}
    elif method == "GET":
        content = {"lines": [ENTRY]} if path == "/billing" else [ENTRY]
    return http("200 OK", json.dumps(content).encode())


def refusal(request: bytes) -> bytes:
    """An error that repeats what was sent."""
    if not request.startswith(b"GET"):
        return http("400 Bad Request", json.dumps({"title": "no", "detail": f"you sent {body_of(request)}"}).encode())
    return answer(request)


@pytest.fixture(scope="module")
def peer() -> Iterator[RawPeer]:
    with RawPeer(answer=answer) as peer:
        yield peer


@pytest.fixture(scope="module")
def folder(sim_folder: Path, tmp_path_factory: pytest.TempPathFactory, peer: RawPeer) -> Path:
    folder = tmp_path_factory.mktemp("canaries") / "here"
    shutil.copytree(sim_folder, folder, ignore=shutil.ignore_patterns("links", "links.toml"))
    links_file(folder, peer.url, more=LINK)
    (folder / "tunnel.secret").touch(mode=0o600)
    (folder / "tunnel.secret").write_text(SENT["secret"])
    (folder / "sms.txt").write_text(SENT["text"])
    return folder


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_command_prints_one(folder: Path, peer: RawPeer, words: tuple[str, ...]) -> None:
    peer.answer = answer
    done = engage(folder, "sim", *words, "--json")
    assert done.returncode in (0, 1), done.stderr
    assert "kept" in done.stdout or ICCID in done.stdout or "bulk" in done.stdout, "the control"
    assert "canary" not in done.stdout + done.stderr
    assert CLIENT_SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize("words", [each for each in COMMANDS if each[0] in ("ipsec", "sms")], ids=" ".join)
def test_not_as_text_and_not_in_an_error(folder: Path, peer: RawPeer, words: tuple[str, ...]) -> None:
    peer.answer = answer
    done = engage(folder, "sim", *words)
    assert "canary" not in done.stdout + done.stderr
    peer.answer = refusal
    done = engage(folder, "sim", *words)
    assert "canary" not in done.stdout + done.stderr
    if words[1] in ("add", "send"):
        assert "It says: no: you sent" in " ".join(done.stderr.split())
        assert "***" in done.stderr


def test_and_none_is_in_the_audit_log_or_a_file(folder: Path) -> None:
    assert "canary" not in engage(folder, "audit", "show", "--json").stdout
    for file in (folder / "data" / "links").rglob("*"):
        assert not file.is_file() or b"canary" not in file.read_bytes()
