"""Backups of a pair that serves: made, verified against it, nightly, and without one secret inside."""

import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engage_server.protocol.site_key import write_site_key
from tests.support.backups import members_of
from tests.support.canaries import forms_of, lines_of
from tests.support.chains import HOSTS, OTHER_SITE_KEY, SITE_KEY
from tests.support.installation import make_installation
from tests.support.running import RunningPair, engage, eventually, free_ports, ok, running_pair

_PASSPHRASE = "canary-of-a-passphrase"
_LINK_KEY = "Y2FuYXJ5IG9mIHRoZSBrZXkgb2YgYWxsIHRoZSBsaW4="


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPair]:
    """One with nightly backups: the last one is missed, so it is made at the start."""
    folder = make_installation(tmp_path_factory.mktemp("backups"))
    (folder / "links.key").write_text(_LINK_KEY)
    (folder / "passphrase").write_text(_PASSPHRASE)
    with (folder / "engage.toml").open("a") as settings:
        settings.write('backup_folder = "nights"\nbackup_at = "00:00"\noperators_tls_passphrase_file = "passphrase"\n')
    with running_pair(folder) as pair:
        yield pair


def against(pair: RunningPair) -> list[str]:
    return ["--against", pair.http, "--https-port", str(pair.https_port)]


@pytest.fixture(scope="module")
def made(pair: RunningPair) -> Path:
    """A backup of the whole installation, with the ports that this run was given."""
    port = str(pair.http_port)
    shown = ok(engage(pair.folder, "backup", "create", "b.tar.gz", "--authority", ENGAGE_HTTP_PORT=port))
    assert "WITHOUT a passphrase" in " ".join(shown.split())
    return pair.folder / "b.tar.gz"


def test_a_missed_night_is_made_up_for_and_shows_everywhere(pair: RunningPair) -> None:
    eventually(lambda: "its drill was good" in pair.log, "the nightly backup")
    (night,) = (pair.folder / "nights").iterdir()
    assert stat.S_IMODE(night.stat().st_mode) == 0o600
    shown = json.loads(engage(pair.folder, "status", "--json").stdout)["backups"]
    assert (shown["needs_attention"], shown["overdue"], shown["last_good_drill"]["file"]) == (False, [], night.name)
    assert night.name in ok(engage(pair.folder, "audit", "show"))
    report = json.loads(ok(engage(pair.folder, "backup", "verify", night, *against(pair), "--json")))
    assert report["good"], report
    assert report["same_as_live"] == ["main"]
    eventually(lambda: 'engage_backup_last_good_seconds{step="drilled"}' in pair.metrics(), "the metric")
    assert pair.metrics()['engage_backup_overdue{step="drilled"}'] == 0


def test_the_live_host_gives_exactly_the_same_bytes(pair: RunningPair, made: Path) -> None:
    report = json.loads(ok(engage(pair.folder, "backup", "verify", made, *against(pair), "--json")))
    assert (report["good"], report["same_as_live"], report["notes"]) == (True, ["main"], [])
    assert report["secrets"] == {"private keys of releases": 1, "site keys": 1}


def test_no_key_and_no_password_is_inside(pair: RunningPair, made: Path) -> None:
    """In no member, not in any form. The control: what may be inside is found by the same search."""
    content = b"\n".join(content for _, content in members_of(made.read_bytes())).decode("latin-1")
    folder = pair.folder
    forbidden = forms_of(SITE_KEY.reveal()) | {write_site_key(SITE_KEY).decode().strip(), _PASSPHRASE, _LINK_KEY}
    forbidden |= {(folder / "engage.kek").read_text().strip()}
    (released,) = (path for path in folder.rglob("partner_server.key"))
    without = ok(engage(folder, "backup", "create", "without.tar.gz", "--json"))
    assert json.loads(without)["manifest"]["authority"] == "none"
    lean = b"\n".join(each for _, each in members_of((folder / "without.tar.gz").read_bytes())).decode("latin-1")
    assert not [each for each in forbidden if each in content + lean]
    keys = lines_of(released.read_text())
    assert keys
    assert not [line for line in keys if line in lean]
    assert all(line in content for line in keys)  # --authority was asked for


def test_a_file_that_exists_is_not_replaced(pair: RunningPair, made: Path) -> None:
    before = made.read_bytes()
    done = engage(pair.folder, "backup", "create", made)
    assert (done.returncode, "exists already" in done.stderr) == (2, True)
    assert made.read_bytes() == before


def test_another_key_and_damage_end_with_1_and_no_traceback(pair: RunningPair, made: Path) -> None:
    (pair.folder / "other.kek").write_text("b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcm90aGVybyE=\n")
    other = engage(pair.folder, "backup", "verify", made, "--kek-file", "other.kek")
    assert (other.returncode, "another key-encryption key" in other.stderr) == (1, True)
    (pair.folder / "cut.tar.gz").write_bytes(made.read_bytes()[:2000])
    cut = engage(pair.folder, "backup", "verify", "cut.tar.gz", "--json")
    assert (cut.returncode, json.loads(cut.stdout)["good"]) == (1, False)
    assert "cut off" in json.loads(cut.stdout)["faults"][0]
    assert engage(pair.folder, "backup", "verify", "gone.tar.gz").returncode == 3


def test_a_host_that_does_not_answer_is_no_damage(pair: RunningPair, made: Path) -> None:
    (nobody,) = free_ports(1)
    done = engage(pair.folder, "backup", "verify", made, "--against", f"http://127.0.0.1:{nobody}", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["good"], len(report["troubles"])) == (3, True, 1)


def test_a_host_with_another_site_key_is_a_fault(tmp_path: Path, pair: RunningPair) -> None:
    """A backup of another installation: doors of this one would refuse it, because its hashes are of another key."""
    (tmp_path / "site.key").write_bytes(write_site_key(OTHER_SITE_KEY))
    ok(engage(tmp_path, "init", "--host", "locks.example.org", "--site-key-file", "site.key", "--trials"))
    ok(engage(tmp_path, "backup", "create", "other.tar.gz"))
    done = engage(tmp_path, "backup", "verify", "other.tar.gz", *against(pair))
    assert done.returncode == 1
    assert "was not made with the site key in this backup" in " ".join(done.stdout.split())


def test_a_release_that_was_activated_since_is_a_difference_in_time(pair: RunningPair, made: Path) -> None:
    """The last test of this pair: it serves another release from now on."""
    folder = pair.folder
    hosts = [text for host in HOSTS for text in ("--host", host.text)]
    ok(engage(folder, "chain", "build", "renewed", *hosts))
    ok(engage(folder, "release", "stage", "renewed"))
    ok(engage(folder, "release", "activate", "2", "--wait"))
    done = engage(folder, "backup", "verify", made, *against(pair), "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["good"], report["same_as_live"]) == (0, True, [])
    assert "a release that this backup does not have" in report["notes"][0]
    assert "the trust anchor (DER), the TLS chain" in report["notes"][0]
    assert datetime.fromisoformat(report["manifest"]["made_at"]) < datetime.now(UTC)
