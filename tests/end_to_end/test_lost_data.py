"""A folder of data, or a database, that is lost: it is said, nothing covers it up, and devices are served meanwhile."""

import json
import shlex
import shutil
from pathlib import Path

import pytest

from tests.support.chains import HOSTS
from tests.support.running import NOTICE, RunningPair, engage, eventually, ok, running_pair
from tests.support.vendor_folder import Edits, write_vendor_folder
from tests.support.world import serial_of

CLOSE = b"\r\nConnection: close\r\n\r\n"


def ready(pair: RunningPair) -> dict[str, object]:
    answer = pair.raw_http(b"GET /readyz HTTP/1.1\r\nHost: x" + CLOSE)
    found: dict[str, object] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return found


def put_config(pair: RunningPair) -> bytes:
    body = json.dumps({"serialNumber": serial_of(1), "model": "NDE"}).encode()
    head = f"PUT /swordfish/lock/Config HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return pair.raw_http(head.encode() + body)


def test_a_running_pair_whose_folder_of_data_goes(installation: Path) -> None:
    ok(engage(installation, "device", "add", serial_of(1), "--site", "main"))
    ok(engage(installation, "site", "call-in", "main", "--insecure-call-in"))
    with running_pair(installation, "--workers", "1") as pair:
        eventually(lambda: put_config(pair).startswith(b"HTTP/1.1 200 "), "the control: the call is taken")
        assert ready(pair) == {"status": "ready"}
        (installation / "data").rename(installation / "away")
        eventually(lambda: ready(pair) == {"status": "behind", "reasons": ["data.gone"]}, "told by /readyz")
        eventually(lambda: "the data folder" in pair.log and "is gone" in pair.log, "told by the log")
        answer = pair.raw_http(f"GET {NOTICE} HTTP/1.1\r\nHost: localhost".encode() + CLOSE)
        assert answer.startswith(b"HTTP/1.1 200 "), "what is served lies in memory"
        assert put_config(pair).startswith(b"HTTP/1.1 503 "), "the device keeps it, and comes again"
        assert not (installation / "data").exists(), "nothing is made in its place"
        (installation / "away").rename(installation / "data")
        eventually(lambda: ready(pair) == {"status": "ready"}, "there again")
        assert put_config(pair).startswith(b"HTTP/1.1 200 ")
        assert "Traceback" not in pair.log


def _remove_database(folder: Path) -> None:
    for path in (folder / "data").glob("engage.db*"):
        path.unlink()


@pytest.mark.parametrize("lost", ["database", "data", "all but devices' files", "all but the spool", "emptied"])
def test_init_stops_where_a_database_is_lost(installation: Path, lost: str) -> None:
    (installation / "data" / "main" / serial_of(1)).mkdir(parents=True)
    (installation / "data" / "spool").mkdir(exist_ok=True)
    (installation / "data" / "spool" / "x.sightings").touch()
    if lost == "data":
        shutil.rmtree(installation / "data")
    _remove_database(installation) if lost != "data" else None
    if lost == "emptied":
        (installation / "data" / "engage.db").touch()
    if lost.startswith("all but"):
        (installation / "engage.kek").unlink()
        shutil.rmtree(installation / "certs")
        left = installation / "data" / ("spool" if "devices" in lost else "main")
        shutil.rmtree(left)
    before = sorted(installation.rglob("*"))
    done = engage(installation, "init")
    assert done.returncode == 2
    assert "error [installation.lost]" in done.stderr
    assert "engage init --new" in done.stderr
    assert sorted(installation.rglob("*")) == before, "nothing was made"
    for command in ("status", "serve"):
        told = engage(installation, command)
        assert told.returncode == 3
        assert "error [store.lost]" in told.stderr
        assert f"engage.db {'is empty' if lost == 'emptied' else 'does not exist'}" in told.stderr
    done = engage(installation, "init", "--new")
    assert done.returncode == 0, done.stderr
    ok(engage(installation, "site", "list"))


def test_chains_alone_are_used_and_that_is_said(installation: Path) -> None:
    """Their hosts, too: nothing else would fit to them."""
    before = json.loads(ok(engage(installation, "site", "show", "main", "--json")))["hosts"]
    shutil.rmtree(installation / "data")
    (installation / "engage.kek").unlink()
    refused = engage(installation, "init")
    assert refused.returncode == 2
    assert "has chains of an installation" in refused.stderr
    (installation / "certs" / ".installation").unlink()  # as if they were built before the first installation
    told = ok(engage(installation, "init"))
    assert f"used the chain that is already in {installation}/certs/main; none was built" in told
    assert "built a chain" not in told
    assert sorted(json.loads(ok(engage(installation, "site", "show", "main", "--json")))["hosts"]) == sorted(before)


def _lose_database(folder: Path) -> tuple[str, ...]:
    _remove_database(folder)
    return ("init", "--new", "--site-key-file", "site.key")


def test_the_newest_chain_is_used(installation: Path) -> None:
    """After a renewal, the first folder's chain is not the one that doors were served."""
    hosts = [text for host in HOSTS for text in ("--host", host.text)]
    ok(engage(installation, "site", "change", "main", *hosts, "--host", "new.example"))
    ok(engage(installation, "rotate", "start", "--way", "server-renewal"))
    (newest,) = (installation / "certs").glob("main-*/next")
    init = _lose_database(installation)
    done = ok(engage(installation, *init, *hosts, "--host", "new.example"))
    assert f"used the chain that is already in {newest}; none was built" in done
    assert "to serve" not in done, "the first one is not valid for the new host"
    init = _lose_database(installation)
    done = ok(engage(installation, *init))
    assert "chose it among 2 chains that can be served: its server certificate is the newest" in done
    assert f"engage release stage {installation}/certs/main --site main" in done
    shown = json.loads(ok(engage(installation, "site", "show", "main", "--json")))
    assert "new.example" in shown["hosts"], "its hosts are taken with it"


def test_where_no_chain_fits_each_is_named(installation: Path) -> None:
    init = _lose_database(installation)
    done = engage(installation, "--config", installation / "engage.toml", *init, "--host", "other.example")
    assert done.returncode == 1
    assert "error [chain.none_fits]" in done.stderr
    assert f"{installation}/certs/main: san.host_missing" in done.stderr
    (step,) = [line.partition("engage --config ")[2] for line in done.stderr.splitlines() if "to use it" in line]
    assert json.loads(ok(engage(installation, "site", "list", "--json"))) == [], "so that other hosts can be given"
    assert "activated release 1 of main" in ok(
        engage(installation, "--config", *step.split(), "--site-key-file", "site.key")
    )


def _refused_release(folder: Path) -> None:
    """What an earlier version's ``init`` left: a site whose only release is staged, for other hosts than the site's."""
    _remove_database(folder)
    ok(engage(folder, "init", "--new", "--site", "first", "--host", "first.example", "--site-key-file", "site.key"))
    ok(engage(folder, "site", "add", "main", "--host", "other.example", "--site-key-file", "site.key"))
    assert engage(folder, "release", "stage", "certs/main", "--site", "main").returncode == 1


def _commands(text: str) -> list[list[str]]:
    """The commands that a message names, without ``--config FILE``."""
    found = [line.partition("engage --config ")[2] for line in text.splitlines()]
    return [shlex.split(each)[1:] for each in found if each]


def test_a_staged_release_that_is_refused_does_not_stop_init(installation: Path) -> None:
    """Each command of the message is typed as it stands; so is ``init`` again."""
    _refused_release(installation)
    init = ("--config", str(installation / "engage.toml"), "init")
    done = engage(installation, *init)
    assert (done.returncode, "error [chain.none_fits]" in done.stderr) == (1, True)
    assert "release 1 of main, staged before: san.host_missing" in done.stderr
    change, build = _commands(done.stderr)
    assert change[:3] == ["site", "change", "main"]
    assert build[-2:] == ["--host", "other.example"]
    ok(engage(installation, *build))
    told = ok(engage(installation, *init))
    assert "release 1, staged before, cannot be served: san.host_missing" in told
    assert "activated release 2 of main" in told
    (drop,) = [each for each in _commands(told) if each[0] == "release"]
    ok(engage(installation, *drop))
    assert "nothing to do" in ok(engage(installation, *init)), "the control"


def test_or_the_site_gets_the_hosts_of_its_release(installation: Path) -> None:
    _refused_release(installation)
    init = ("--config", str(installation / "engage.toml"), "init")
    change, _ = _commands(engage(installation, *init).stderr)
    ok(engage(installation, *change))
    assert "activated release 1 of main" in ok(engage(installation, *init))


def test_a_new_folder_is_no_loss(tmp_path: Path) -> None:
    """The control; and an interrupted run is finished by running it again, at whatever point it ended."""
    ok(engage(tmp_path, "init", "--host", "localhost"))
    for point in ("database", "key and database"):
        _remove_database(tmp_path)
        if point != "database":
            (tmp_path / "engage.kek").unlink()
        (tmp_path / "data" / ".init.begun").touch()
        ok(engage(tmp_path, "init", "--host", "localhost"))
        assert not (tmp_path / "data" / ".init.begun").exists()


def test_a_takeover_stops_there_too(installation: Path) -> None:
    write_vendor_folder(installation / "vendor", Edits(True, True, True))
    _remove_database(installation)
    options = ("--site-key-file", "site.key", "--apply", "--site", "other")
    done = engage(installation, "import", "vendor", "vendor", *options)
    assert done.returncode == 2
    assert "error [installation.lost]" in done.stderr
    assert not (installation / "data" / "engage.db").exists()
