"""A host is lost: a door that was commissioned before opens TLS with the host that was restored from its backup."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.chains import HOSTS
from tests.support.installation import make_installation
from tests.support.postgresql import PostgresServer
from tests.support.running import RunningPair, engage, ok, running_pair

_OTHER_WAY = pytest.mark.campaign("from sqlite, beside; tests/unit/composition/test_recovery.py restores on both")


@pytest.fixture(params=["from sqlite", pytest.param("from postgresql", marks=_OTHER_WAY)])
def databases(request: pytest.FixtureRequest) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The database before, and the one after: always the other kind."""
    server: PostgresServer = request.getfixturevalue("postgresql")
    url = server.new_database()
    ours: dict[str, Any] = {}
    theirs: dict[str, Any] = {"ENGAGE_DATABASE_URL": url}
    yield (ours, theirs) if request.param == "from sqlite" else (theirs, ours)
    server.done_with(url)


def _call(pair: RunningPair, state: Path, **options: Any) -> list[str]:
    """The steps of one night of a door, each of which succeeded."""
    call = (pair.http, "--https-port", pair.https_port, "--state", state, "--site-key-file", state.parent / "site.key")
    found = json.loads(ok(engage(state.parent, "lock", "fetch", *call, "--json", **options)))
    assert found["accepted"] is True
    return [each["name"] for each in found["steps"]]


def test_a_door_opens_tls_with_the_restored_host(
    tmp_path: Path, databases: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    before, after = databases
    old, new, state = tmp_path / "old", tmp_path / "new", tmp_path / "door.json"
    old.mkdir()
    new.mkdir()
    make_installation(old, **before)
    shutil.copy(old / "site.key", tmp_path / "site.key")
    with running_pair(old, "--workers", "1", **before) as pair:
        assert _call(pair, state)[0] == "notice", "it is commissioned"
        ok(engage(old, "backup", "create", tmp_path / "backup.tar.gz", **before))
        old_port = pair.http_port
    shutil.copy(old / "engage.kek", tmp_path / "kept.kek")
    shutil.rmtree(old)
    made = engage(new, "backup", "restore", tmp_path / "backup.tar.gz", "--kek-file", tmp_path / "kept.kek", **after)
    assert "site main serves release 1 again" in ok(made)
    with running_pair(new, "--workers", "1", **after) as pair:
        assert pair.http_port != old_port, "the control: it is another host"
        assert _call(pair, state)[0] == "tls", "with the anchor that it has"
        assert _call(pair, tmp_path / "other.json")[0] == "notice", "a new door finds everything, too"
        shown = json.loads(ok(engage(new, "audit", "verify", "--json", **after)))
        assert shown["faults"] == []


def test_a_new_installation_in_its_place_would_be_refused_by_the_door(tmp_path: Path) -> None:
    """The negative control: without the backup, TLS fails."""
    old, new, state = tmp_path / "old", tmp_path / "new", tmp_path / "door.json"
    old.mkdir()
    new.mkdir()
    make_installation(old)
    ok(engage(new, "init", *(text for host in HOSTS for text in ("--host", host.text))))  # with a key of its own
    shutil.copy(old / "site.key", tmp_path / "site.key")
    with running_pair(old, "--workers", "1") as pair:
        _call(pair, state)
    with running_pair(new, "--workers", "1") as pair:
        call = (pair.http, "--https-port", pair.https_port, "--state", state, "--site-key-file", tmp_path / "site.key")
        assert engage(tmp_path, "lock", "fetch", *call).returncode == 1


@pytest.mark.long("from sqlite, above; tests/unit/store/copying/test_round_trip.py")
def test_a_database_is_moved_and_serves(tmp_path: Path, postgresql: PostgresServer) -> None:
    url = postgresql.new_database()
    make_installation(tmp_path)
    state = tmp_path / "door.json"
    with running_pair(tmp_path, "--workers", "1") as pair:
        _call(pair, state)
        refused = engage(tmp_path, "store", "copy", "--to", url)
        assert refused.returncode == 2
        assert "store.in_use" in refused.stderr
    done = json.loads(ok(engage(tmp_path, "store", "copy", "--to", url, "--json")))
    again = engage(tmp_path, "store", "copy", "--to", url)
    assert again.returncode == 2
    assert "store.not_empty" in again.stderr
    environments: tuple[dict[str, Any], ...] = ({}, {"ENGAGE_DATABASE_URL": url})
    for environment in environments:
        verified = json.loads(ok(engage(tmp_path, "audit", "verify", "--json", **environment)))
        assert f"{verified['entries']}:{verified['head']}" == done["audit_head"]
    with running_pair(tmp_path, "--workers", "1", ENGAGE_DATABASE_URL=url) as pair:
        assert _call(pair, state)[0] == "tls"
    back = f"sqlite:///{tmp_path / 'back.db'}"
    ok(engage(tmp_path, "store", "copy", "--to", back, ENGAGE_DATABASE_URL=url))
    ok(engage(tmp_path, "audit", "verify", ENGAGE_DATABASE_URL=back))
    postgresql.done_with(url)


def test_a_password_in_an_argument_is_refused(installation: Path) -> None:
    for url in ("postgresql://u:hunter2@db/x", "postgresql://u@db/x?password=hunter2"):
        refused = engage(installation, "store", "copy", "--to", url)
        assert refused.returncode == 2
        assert "PGPASSFILE" in refused.stderr
        assert "hunter2" not in refused.stderr + refused.stdout
