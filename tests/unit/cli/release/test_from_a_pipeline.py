"""``engage release`` from a pipeline: the chain comes by standard input, and the audit log keeps why."""

import json
from pathlib import Path

from tests.support.commands import engage, ok
from tests.support.refusals import error

HOSTS = [t for h in ("locks.example.org", "10.44.68.128", "localhost", "127.0.0.1") for t in ("--host", h)]


def renewed(installation: Path, name: str = "two") -> bytes:
    """Another chain with its root and its key, as one text."""
    ok(engage(installation, "chain", "build", f"certs/{name}", *HOSTS))
    files = ("partner_server.pem", "partner_CA.pem", "partner_server.key")
    return b"".join((installation / "certs" / name / file).read_bytes() for file in files)


def newest(installation: Path) -> tuple[str, str]:
    """The action and the reason of the audit log's last entry."""
    (entry,) = json.loads(ok(engage(installation, "audit", "show", "--last", 1, "--json")))
    return entry["action"], entry["reason"]


def test_a_chain_is_staged_from_standard_input(installation: Path) -> None:
    why = "https://ci.example.org/jobs/812"
    staged = json.loads(
        ok(engage(installation, "release", "stage", "-", "--reason", why, "--json", stdin=renewed(installation)))
    )
    assert staged["release"] == 2
    assert newest(installation) == ("release:staged", why)
    ok(engage(installation, "release", "activate", 2, "--yes", "--reason", why))
    assert newest(installation) == ("release:activated", why)
    log = ok(engage(installation, "audit", "show"))
    assert why in log
    assert "\n      activated release 2 of main in place of release 1.\n" in log, "in words, as a page has it"


def test_without_a_reason_none_is_kept(installation: Path) -> None:
    ok(engage(installation, "release", "stage", "-", stdin=renewed(installation)))
    assert newest(installation) == ("release:staged", "")


def test_a_rotation_keeps_why_it_was_started(installation: Path) -> None:
    ok(engage(installation, "rotate", "start", "--way", "server-renewal", "--reason", "job 812", "--yes"))
    entries = json.loads(ok(engage(installation, "audit", "show", "--json")))
    assert [each["reason"] for each in entries if each["action"] == "rotation:started"] == ["job 812"]


def test_standard_input_that_is_no_chain_is_named(installation: Path) -> None:
    error(engage(installation, "release", "stage", "-", stdin=b""), 3, "content.empty", "-: it is empty")
    twice = ("release", "stage", "-", "--passphrase-file", "-")
    error(engage(installation, *twice, stdin=b"x"), 2, "standard input can be read once")
    without_key = renewed(installation).partition(b"-----BEGIN PRIVATE KEY")[0]
    error(engage(installation, "release", "stage", "-", stdin=without_key), 2, "the private key of the server")


def test_a_release_that_cannot_go_live_says_how_to_remove_it(installation: Path) -> None:
    ok(engage(installation, "chain", "build", "certs/two", "--host", "locks.example.org"))
    done = engage(installation, "release", "stage", "certs/two")
    assert done.returncode == 1
    (drop,) = [line.partition(": ")[2] for line in done.stdout.splitlines() if "to remove it: " in line]
    assert "release drop 2 --site main" in drop
    ok(engage(installation, "release", "drop", 2, "--site", "main"))


def test_a_chain_and_its_root_are_shown_from_standard_input(installation: Path) -> None:
    """What 'chain check -' reads, 'chain show -' shows."""
    shown = ok(engage(installation, "chain", "show", "-", stdin=renewed(installation)))
    assert "CN=locks.example.org" in shown
    assert "PRIVATE" not in shown
