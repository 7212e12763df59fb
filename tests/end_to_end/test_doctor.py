"""``engage doctor`` on installations that are well, half broken, and not there."""

import json
from pathlib import Path
from typing import Any

from tests.support.ports import free_ports
from tests.support.running import RunningPair, engage, eventually, ok, running_pair


def look(folder: Path, **environment: str) -> tuple[dict[str, list[dict[str, Any]]], int]:
    """The checks by name, and the exit status."""
    done = engage(folder, "doctor", "--json", stdin=None, **environment)
    found: dict[str, list[dict[str, Any]]] = {}
    for each in json.loads(done.stdout)["checks"]:
        assert set(each) == {"name", "level", "sentence", "next_step"}
        assert each["level"] == "ok" or each["next_step"], each
        found.setdefault(each["name"], []).append(each)
    return found, done.returncode


def ports_of(pair: RunningPair) -> dict[str, str]:
    return {
        "ENGAGE_BIND": "127.0.0.1",
        "ENGAGE_HTTP_PORT": str(pair.http_port),
        "ENGAGE_HTTPS_PORT": str(pair.https_port),
        "ENGAGE_OPERATORS_PORT": str(pair.operators_port),
    }


def test_a_pair_that_is_well_and_then_less_so(tmp_path: Path) -> None:
    ok(engage(tmp_path, "init", "--host", "localhost", "--host", "127.0.0.1"))
    with running_pair(tmp_path, "--workers", "1") as pair:
        here = ports_of(pair)
        eventually(lambda: look(tmp_path, **here)[1] == 0, "all workers have said that they live")
        found, _ = look(tmp_path, **here)
        levels = {name: {each["level"] for each in checks} for name, checks in found.items()}
        assert levels.pop("authority") == {"warning"}
        assert str(tmp_path / "certs" / "main") in found["authority"][0]["sentence"]
        assert levels.pop("backup") == {"warning"}
        assert "there is no backup" in found["backup"][0]["sentence"]
        assert all(level == {"ok"} for level in levels.values()), found
        assert set(levels) == {"files", "database", "keys", "ports", "operators", "names", "clock", "fetch"}
        assert json.loads(ok(engage(tmp_path, "device", "list", "--json"))) == [], "its own fetch is no door"
        told = engage(tmp_path, "doctor", stdin=None, **here)
        assert told.returncode == 0
        ports = ("--http-port", pair.http_port, "--https-port", pair.https_port, "--operators-port")
        ok(engage(tmp_path, "doctor", *ports, pair.operators_port, stdin=None))
        assert engage(tmp_path, "doctor", stdin=None).returncode == 1, "without them it looks at the settings' ports"
        assert "ok      fetch      main: a virtual lock fetched the anchor from localhost" in told.stdout
        ok(engage(tmp_path, "site", "change", "main", "--device-network", "192.0.2.0/24"))
        eventually(lambda: look(tmp_path, **here)[0]["fetch"][0]["level"] == "warning", "this is no network of doors")
        found, status = look(tmp_path, **here)
        assert "it answers only devices in 192.0.2.0/24" in found["fetch"][0]["sentence"]
        assert (status, found["fetch"][0]["next_step"].partition(": ")[0]) == (0, "On a machine in that network")
        assert f"http://localhost:{pair.http_port} --https-port {pair.https_port} " in found["fetch"][0]["next_step"]
        ok(engage(tmp_path, "site", "change", "main", "--any-network"))
        eventually(lambda: look(tmp_path, **here)[0]["fetch"][0]["level"] == "ok", "the change is followed")
        ok(engage(tmp_path, "site", "add", "other", "--host", "127.0.0.2", "--site-key-file", "-", stdin=b"cd" * 32))
        found, status = look(tmp_path, **here)
        assert status == 1
        assert [each["level"] for each in found["fetch"]] == ["ok", "problem"]
        assert "other serves no release" in found["fetch"][1]["sentence"]


def test_nobody_serves(installation: Path) -> None:
    http, https = free_ports()
    found, status = look(
        installation, ENGAGE_BIND="127.0.0.1", ENGAGE_HTTP_PORT=str(http), ENGAGE_HTTPS_PORT=str(https)
    )
    assert status == 1
    assert [each["level"] for each in found["ports"]] == ["problem", "problem"]
    assert found["fetch"][0]["level"] == "problem"


def test_keys_and_databases_that_are_gone(installation: Path) -> None:
    kept = (installation / "engage.kek").read_bytes()
    for what in ("another key", "no key", "no database", "no database and no key"):
        (installation / "engage.kek").write_bytes(kept)
        if what == "another key":
            (installation / "engage.kek").write_bytes(kept[::-1])
        if "no key" in what:
            (installation / "engage.kek").unlink()
        if "no database" in what:
            for path in (installation / "data").glob("engage.db*"):
                path.unlink()
        found, status = look(installation)
        assert status == 1, what
        assert [each["level"] for each in found["database"]] == ["problem"], what
        assert found["files"], "the rest is looked at all the same"
        assert "authority" in found


def test_no_installation(tmp_path: Path) -> None:
    done = engage(tmp_path, "doctor")
    assert done.returncode == 3
    assert "there is no installation here" in done.stderr
    assert list(tmp_path.iterdir()) == []
