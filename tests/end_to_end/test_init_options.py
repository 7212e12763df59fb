"""What ``init`` is given, and what it says: keys from files, a passphrase, a migration; and ``--config`` everywhere."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sqlalchemy import text

from engage_server.cli.root import COMMANDS
from engage_server.protocol.site_key import write_site_key
from engage_server.records import AuditAction, Secret
from engage_server.store import schema
from engage_server.store.database.engine import create_sqlite_file, open_engine
from engage_server.store.keys.key_encryption_key import KeyEncryptionKey
from engage_server.store.keys.sealed_values import SEAL_PROBE_PURPOSE
from tests.support.chains import SITE_KEY
from tests.support.running import RunningPair, engage, ok


def test_the_site_key_comes_from_a_file_that_the_environment_names(tmp_path: Path) -> None:
    """As systemd's credentials and a container's secrets give it; what is said on the command line counts more."""
    (tmp_path / "site.key").write_bytes(write_site_key(SITE_KEY))
    secret = {"ENGAGE_SITE_KEY_FILE": str(tmp_path / "site.key")}
    told = ok(engage(tmp_path, "init", "--host", "localhost", stdin=None, **secret))
    assert "new random" not in told
    ok(engage(tmp_path, "site", "export-key", "main", "exported.key"))
    assert base64.b64decode((tmp_path / "exported.key").read_bytes()) == SITE_KEY.reveal()
    other = {**secret, "ENGAGE_SITE_KEY": "cd" * 32}
    assert engage(tmp_path, "init", stdin=None, **other).returncode == 2, "another key than the site has"
    missing = engage(tmp_path, "init", "--site", "other", ENGAGE_SITE_KEY_FILE="gone.key")
    assert missing.returncode == 3
    assert "gone.key" in missing.stderr


def test_init_encrypts_the_authoritys_keys(tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_text("correct horse\n")
    ok(engage(tmp_path, "init", "--host", "localhost", "--passphrase-file", "passphrase"))
    for name in ("partner_CA", "partner_intermediate"):
        content = (tmp_path / "certs" / "main" / f"{name}.key").read_bytes()
        assert b"ENCRYPTED" in content
        with pytest.raises(TypeError, match="encrypted"):
            load_pem_private_key(content, None)
        load_pem_private_key(content, b"correct horse")
    assert b"ENCRYPTED" not in (tmp_path / "certs" / "main" / "partner_server.key").read_bytes()


def _database_of_before(folder: Path) -> None:
    """Of schema 0007, with the key that lies there."""
    for path in (folder / "data").glob("engage.db*"):
        path.unlink()
    url = f"sqlite:///{folder}/data/engage.db"
    create_sqlite_file(url)
    engine = open_engine(url)
    key = KeyEncryptionKey.from_text((folder / "engage.kek").read_bytes(), "engage.kek")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0007")
        probe = key.earlier_sealer().seal(Secret(b"engage, and the audit log is a chain"), SEAL_PROBE_PURPOSE)
        begun = (
            "INSERT INTO installation (id, generation, seal_probe, audit_entries, audit_seal) VALUES (1, 1, :p, 0, :s)"
        )
        seal = hmac.digest(key.earlier_sealer().audit_key, b"the end: 0 ", hashlib.sha256).hex()
        connection.execute(text(begun), {"p": probe, "s": seal})
    engine.dispose()


def test_a_migration_is_told_and_written_down(installation: Path) -> None:
    """Before, ``init`` said that there was nothing to do."""
    _database_of_before(installation)
    assert "does not have the tables of this version" in engage(installation, "status").stderr
    told = engage(installation, "init", "--reason", "version 0.2")
    assert f"updated the database from schema 0007 to {schema.REVISIONS[-1]}" in ok(told)
    assert "nothing to do" not in told.stdout
    entries = json.loads(ok(engage(installation, "audit", "show", "--json")))
    assert entries[0]["action"] == AuditAction.INSTALLATION_KEY_MADE
    assert (entries[0]["facts"]["from"], entries[0]["facts"]["to"]) == ("0007", schema.REVISIONS[-1])
    assert entries[0]["reason"] == "version 0.2"
    assert "audit log: entry 1:" in told.stderr
    ok(engage(installation, "audit", "verify"))
    assert "nothing to do" in ok(engage(installation, "init"))


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"init"}))
def test_a_settings_file_that_is_not_there_stops_each_command(name: str, tmp_path: Path) -> None:
    """Also those that need no settings: whoever names a file means it."""
    done = engage(tmp_path, "--config", "/nope.toml", name)
    assert done.returncode == 2
    assert "error [settings.invalid]: /nope.toml: there is no such file" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_systems_settings_are_read_by_who_needs_settings_alone(tmp_path: Path) -> None:
    (tmp_path / "system.toml").write_text("nonsense = 1")
    system = {"ENGAGE_SYSTEM_CONFIG": str(tmp_path / "system.toml")}
    for arguments in (("--version",), ("--help",), ("chain", "--help")):
        assert engage(tmp_path, *arguments, stdin=None, **system).returncode == 0, arguments
    done = engage(tmp_path, "settings", stdin=None, **system)
    assert done.returncode == 2, "the control"
    assert "system.toml: there is no setting nonsense" in done.stderr


def test_but_init_makes_it(tmp_path: Path) -> None:
    ok(engage(tmp_path, "--config", "own.toml", "init", "--host", "localhost"))
    assert (tmp_path / "own.toml").exists()


def test_after_an_update_alone_the_servers_have_to_be_restarted(
    installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They run already: "engage serve" would be a second pair."""
    assert "engage serve\n" in ok(engage(installation, "init")), "the control"
    upgrade = schema.upgrade
    monkeypatch.setattr(
        "engage_server.composition.creation.schema.upgrade",
        lambda *given, **more: replace(upgrade(*given, **more), before="0007"),
    )
    told = ok(engage(installation, "init"))
    assert "updated the database from schema 0007" in told
    assert "next: restart the servers, if they run. Until then, they do not follow changes" in told
    assert "engage serve" not in told


def test_where_servers_run_it_names_no_second_start(shared_pair: RunningPair) -> None:
    told = ok(engage(shared_pair.folder, "init"))
    assert "nothing to do" in told
    assert told.endswith("engage status\n"), told


def test_the_settings_file_fits_a_terminal(installation: Path) -> None:
    lines = (installation / "engage.toml").read_text().splitlines()
    assert [line for line in lines if len(line) > 80] == []
    assert all(line.startswith("#") for line in lines if line), "it changes nothing"
