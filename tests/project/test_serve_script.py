"""``scripts/serve``: its last line is the console's address, with a link as long as nobody has a password."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.ports import free_port

_ENGAGE = """#!/usr/bin/env bash
case "$*" in
    "release list --json") echo '"number"' ;;
    "settings --json")
        echo "  \\"operators_port\\": $ENGAGE_OPERATORS_PORT,"
        echo '  "operators_tls_certificate": null'
        ;;
    "people list --json") cat people.json ;;
    "people "*" --link") echo "$*" >asked; echo "http://localhost:$ENGAGE_OPERATORS_PORT/sign-in/secret" ;;
    "serve"*) exec python3 -c "$(cat server.py)" "$ENGAGE_OPERATORS_PORT" ;;
esac
"""
_SERVER = """
import socket, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("serving", flush=True)
time.sleep(2.5)
"""
_ADMIN = '[{"person": "admin", "role": "admin", "state": "%s"}]'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in which nothing is installed, and the command is a stand-in."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "serve", tmp_path / "scripts")
    (tmp_path / "scripts" / "environment").write_text("install_from() { :; }\n")
    engage = tmp_path / ".venv" / "bin" / "engage"
    engage.parent.mkdir(parents=True)
    engage.write_text(_ENGAGE)
    engage.chmod(0o755)
    (tmp_path / "server.py").write_text(_SERVER)
    return tmp_path


def served(checkout: Path, people: str, *options: str) -> list[str]:
    """The lines that it prints until it ends."""
    (checkout / "people.json").write_text(people)
    command = [str(checkout / "scripts" / "serve"), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout.splitlines()


@pytest.mark.parametrize(
    ("people", "asked"),
    [
        pytest.param("[]", "people add admin --role admin --link", id="nobody yet"),
        pytest.param(_ADMIN % "invited", "people reset admin --link", id="the link was not used"),
    ],
)
def test_it_ends_with_a_link(checkout: Path, people: str, asked: str) -> None:
    port = free_port()
    lines = served(checkout, people, "--operators-port", str(port))
    console = f"http://localhost:{port}/"
    assert lines == ["serving", f"Console: {console} (sign in once with: {console}sign-in/secret)"]
    assert (checkout / "asked").read_text().strip() == asked


@pytest.mark.parametrize("state", ["active", "locked"])
def test_no_password_is_taken_from_anybody(checkout: Path, state: str) -> None:
    port = free_port()
    lines = served(checkout, _ADMIN % state, f"--operators-port={port}")
    assert lines[-1] == f"Console: http://localhost:{port}/ (for a new link: .venv/bin/engage people reset NAME)"
    assert not (checkout / "asked").exists()


def test_a_server_that_ends_at_once_gets_no_line_and_no_link(checkout: Path) -> None:
    (checkout / "server.py").write_text("raise SystemExit(1)\n")
    assert served(checkout, "[]", "--operators-port", str(free_port())) == []
    assert not (checkout / "asked").exists()


def test_one_instance_for_devices_alone_has_no_console(checkout: Path) -> None:
    assert served(checkout, "[]", "--operators-port", str(free_port()), "https") == ["serving"]
