"""Replacing the key-encryption key: interrupted anywhere, given from elsewhere, and with hosts that are not there."""

import os
import shutil
import socket
import stat
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from engage_server.composition.creation import create_installation
from engage_server.composition.keys.checking import check_keys, look_at_keys
from engage_server.composition.keys.rotating import RotationTerms, opened_rotating
from engage_server.composition.keys.watch import holder_here
from engage_server.composition.operator_side import open_operator_side
from engage_server.errors import Conflict, FileNotUsable, NotFound, SealBroken, StoreNotUsable, UsageError
from engage_server.records import KeyHolder, Occasion
from engage_server.services.installation.checkup import Level
from engage_server.services.keys.standing import KeyStanding
from engage_server.settings import Settings, load_settings
from engage_server.store.database.engine import open_engine, writing
from engage_server.store.keys.key_encryption_key import KeyEncryptionKey
from engage_server.store.keys.tables import key_holders
from engage_server.store.sealing import new_key_encryption_key
from engage_server.store.sql_store import SqlStore
from engage_server.variables import KEK_VARIABLE
from tests.support.kill_points import Killed, KillPoints

AT_ONCE = RotationTerms(wait_seconds=0)


def occasion() -> Occasion:
    return Occasion("tester", datetime.now(UTC))


def made(folder: Path) -> Settings:
    """An installation with a site, without a run of the program that makes chains."""
    settings = load_settings(None, {}, {}, folder)
    create_installation(settings, {}).close()
    return settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return made(tmp_path)


def rotate(
    settings: Settings, terms: RotationTerms = AT_ONCE, environment: dict[str, str] | None = None
) -> tuple[KeyHolder, ...]:
    """Run it once."""
    with opened_rotating(settings, environment or {}, lambda head: None, lambda sentence: None) as rotating:
        return rotating.run(terms, occasion())


def reported(settings: Settings, host: str, file: Path, key_id: str, trouble: str = "") -> None:
    """What another host says."""
    engine = open_engine(settings.database_url.reveal())
    SqlStore(engine, None).report_key(KeyHolder(host, "/srv/data", key_id, f"file {file}", trouble))
    engine.dispose()


def silent(settings: Settings) -> None:
    """Let all hosts have reported an hour ago."""
    engine = open_engine(settings.database_url.reveal())
    with writing(engine) as connection:
        connection.execute(update(key_holders).values(seen_at=datetime.now(UTC) - timedelta(hours=1)))
    engine.dispose()


def key_of(file: Path) -> str:
    return KeyEncryptionKey.from_text(file.read_bytes(), str(file)).key_id


def is_whole(settings: Settings, environment: dict[str, str] | None = None) -> KeyStanding:
    """Everything opens, and the log holds."""
    standing = check_keys(settings, environment or {})
    assert standing.sealed is not None
    assert (standing.trouble, standing.sealed.broken) == ("", ())
    side = open_operator_side(settings, environment or {})
    assert side.audit.verify().faults == ()
    side.close()
    return standing


def test_a_new_key_takes_the_place_of_the_old_one(settings: Settings) -> None:
    file = settings.key_encryption_key_file
    before, old = key_of(file), file.read_bytes()
    assert rotate(settings) == ()
    standing = is_whole(settings)
    assert standing.key_id == key_of(file) != before
    assert [each.key_id for each in standing.accepted] == [standing.key_id]
    assert (standing.mode, standing.left_over, standing.rotation, standing.next_step) == ("0600", [], None, "")
    assert sorted(path.name for path in file.parent.glob("engage.kek*")) == ["engage.kek"]
    file.write_bytes(old)
    with pytest.raises(SealBroken, match="another key-encryption key"):
        open_operator_side(settings, {})
    check = look_at_keys(settings, {})
    assert (check.level, before in check.sentence) == (Level.PROBLEM, True)


def copied(settings: Settings, folder: Path) -> Settings:
    """The same installation in another folder."""
    shutil.copytree(settings.data_dir.parent, folder)
    return load_settings(None, {}, {}, folder)


def points_of(settings: Settings) -> int:
    """How many there are in a whole run."""
    points = KillPoints(0)
    with points.watched():
        rotate(settings)
    return points.count


def test_interrupted_anywhere_everything_opens_and_it_goes_on(tmp_path: Path) -> None:
    fresh = made(tmp_path / "fresh")
    count = points_of(copied(fresh, tmp_path / "whole"))
    assert count >= 20
    for point in range(1, count + 1):
        settings = copied(fresh, tmp_path / str(point))
        before = key_of(settings.key_encryption_key_file)
        with KillPoints(point).watched(), suppress(Killed):
            rotate(settings)
        is_whole(settings)
        assert rotate(settings) == (), point
        standing = is_whole(settings)
        assert standing.key_id != before
        assert (len(standing.accepted), standing.rotation, standing.left_over) == (1, None, []), point


def test_the_file_keeps_its_owner_and_no_stranger_gets_a_right(settings: Settings) -> None:
    file = settings.key_encryption_key_file
    for before, after in ((0o640, 0o640), (0o644, 0o640), (0o400, 0o600), (0o666, 0o640)):
        file.chmod(before)
        if os.getuid() == 0:
            os.chown(file, 1234, 1234)
        rotate(settings)
        found = file.stat()
        assert stat.S_IMODE(found.st_mode) == after
        assert os.getuid() != 0 or (found.st_uid, found.st_gid) == (1234, 1234)


def test_it_waits_for_other_hosts_and_both_keys_open_meanwhile(settings: Settings, tmp_path: Path) -> None:
    file = settings.key_encryption_key_file
    old_text, old = file.read_bytes(), key_of(file)
    reported(settings, "gate-2", file, old)
    (missing,) = rotate(settings)
    assert (missing.host, missing.key_id) == ("gate-2", old)
    new = key_of(file)
    assert new != old
    assert key_of(file.with_name("engage.kek.old")) == old
    is_whole(settings)
    file.write_bytes(old_text)  # as gate-2 still does
    standing = is_whole(settings)
    assert standing.missing[0].host == "gate-2"
    assert "copy the new key over" in standing.next_step
    file.write_bytes(old_text)
    assert len(rotate(settings)) == 2, "this host has lost the new key, and says so"


def test_it_ends_when_they_confirm(settings: Settings) -> None:
    file = settings.key_encryption_key_file
    reported(settings, "gate-2", file, key_of(file))
    assert rotate(settings)
    reported(settings, "gate-2", file, key_of(file), "it does not open")
    assert rotate(settings), "trouble confirms nothing"
    reported(settings, "gate-2", file, key_of(file))
    assert rotate(settings) == ()
    assert len(is_whole(settings).accepted) == 1


def test_a_host_that_is_gone_is_left_out_by_name(settings: Settings) -> None:
    file = settings.key_encryption_key_file
    reported(settings, "gate-2", file, key_of(file))
    silent(settings)
    with pytest.raises(NotFound, match="gate-3"):
        rotate(settings, replace(AT_ONCE, without=("gate-2", "gate-3")))
    assert rotate(settings, replace(AT_ONCE, without=("gate-2",))) == ()
    assert is_whole(settings).holders == []


def test_a_host_that_lives_is_not_left_out(settings: Settings) -> None:
    """It would not start again. The control is the test above."""
    file = settings.key_encryption_key_file
    before = key_of(file)
    reported(settings, "gate-2", file, before)
    with pytest.raises(Conflict, match=r"gate-2 .* is not gone: it reported a moment ago") as refused:
        rotate(settings, replace(AT_ONCE, without=("gate-2",)))
    assert refused.value.code == "key.host_lives"
    assert "copy the new key over" in refused.value.next_step
    assert (key_of(file), is_whole(settings).rotation) == (before, None), "nothing began"


def test_right_after_an_interruption_no_step_is_named_that_is_done(settings: Settings) -> None:
    """The key file has the new key, and this host's own report is older than that."""
    file = settings.key_encryption_key_file
    before = key_of(file)
    here = str(settings.data_dir)
    engine = open_engine(settings.database_url.reveal())
    SqlStore(engine, None).report_key(KeyHolder(socket.gethostname(), here, before, f"file {file}"))
    engine.dispose()
    reported(settings, "gate-2", file, before)
    rotate(settings)  # ends with gate-2 missing, as if it were interrupted
    engine = open_engine(settings.database_url.reveal())
    SqlStore(engine, None).report_key(KeyHolder(socket.gethostname(), here, before, f"file {file}"))
    engine.dispose()
    standing = is_whole(settings)
    assert [each.host for each in standing.missing] == ["gate-2"]
    assert "on gate-2: copy" in standing.next_step


def test_it_does_not_wait_for_what_only_a_later_step_can_do(settings: Settings, tmp_path: Path) -> None:
    file = settings.key_encryption_key_file
    environment = {KEK_VARIABLE: file.read_text()}
    file.unlink()
    begun = time.monotonic()
    (missing,) = rotate(settings, RotationTerms(new_key_file=tmp_path / "given.kek", wait_seconds=60), environment)
    assert time.monotonic() - begun < 30
    assert missing.source == f"environment {KEK_VARIABLE}"


def test_a_database_that_is_gone_is_no_trouble_of_the_key(settings: Settings) -> None:
    engine = open_engine(settings.database_url.reveal())
    assert holder_here(engine, settings, {})[0].trouble == "", "the control"
    engine.dispose()
    (settings.data_dir / "engage.db").unlink()
    gone = open_engine(settings.database_url.reveal())
    with pytest.raises(StoreNotUsable):
        holder_here(gone, settings, {})
    gone.dispose()


def test_a_key_from_elsewhere(settings: Settings, tmp_path: Path) -> None:
    given = tmp_path / "given.kek"
    rotate(settings, replace(AT_ONCE, new_key_file=given))
    assert given.read_bytes() == settings.key_encryption_key_file.read_bytes()
    assert stat.S_IMODE(given.stat().st_mode) == 0o600
    with pytest.raises(Conflict, match="is the one in force"):
        rotate(settings, replace(AT_ONCE, new_key_file=given))
    given.write_text("no key\n")
    with pytest.raises(UsageError, match="not a key-encryption key"):
        rotate(settings, replace(AT_ONCE, new_key_file=given))
    third = new_key_encryption_key()
    given.write_bytes(third)
    rotate(settings, replace(AT_ONCE, new_key_command=("cat", str(given))))
    assert settings.key_encryption_key_file.read_bytes().strip() == third.strip()
    is_whole(settings)


def test_a_key_in_the_environment(settings: Settings, tmp_path: Path) -> None:
    """Nobody can change a variable of a process that runs: the command says what to do, and goes on later."""
    file, given = settings.key_encryption_key_file, tmp_path / "given.kek"
    environment = {KEK_VARIABLE: file.read_text()}
    file.unlink()
    with pytest.raises(UsageError, match="no new one can be put there"):
        rotate(settings, AT_ONCE, environment)
    terms = replace(AT_ONCE, new_key_file=given)
    (missing,) = rotate(settings, terms, environment)
    assert missing.source == f"environment {KEK_VARIABLE}"
    is_whole(settings, environment)
    new = {KEK_VARIABLE: given.read_text()}
    is_whole(settings, new)
    assert rotate(settings, AT_ONCE, new) == ()
    is_whole(settings, new)
    with pytest.raises(SealBroken):
        open_operator_side(settings, environment)


def test_another_new_key_does_not_mix_in(settings: Settings, tmp_path: Path) -> None:
    file, other = settings.key_encryption_key_file, tmp_path / "other.kek"
    reported(settings, "gate-2", file, key_of(file))
    assert rotate(settings)
    with pytest.raises(Conflict, match="another one"):
        rotate(settings, replace(AT_ONCE, new_key_file=other))
    is_whole(settings)


def test_a_file_that_somebody_else_provides_is_left_alone(settings: Settings, tmp_path: Path) -> None:
    file = settings.key_encryption_key_file
    real = tmp_path / "elsewhere.kek"
    file.rename(real)
    file.symlink_to(real)
    with pytest.raises(FileNotUsable, match="it is a link"):
        rotate(settings)
    assert check_keys(settings, {}).rotation is None
    given = tmp_path / "given.kek"
    assert len(rotate(settings, replace(AT_ONCE, new_key_file=given))) == 1
    assert file.is_symlink()
    real.write_bytes(given.read_bytes())
    assert rotate(settings) == ()
    is_whole(settings)


def test_giving_up(settings: Settings, tmp_path: Path) -> None:
    file, given = settings.key_encryption_key_file, tmp_path / "given.kek"
    environment = {KEK_VARIABLE: file.read_text()}
    rotate(settings, replace(AT_ONCE, new_key_file=given), environment)
    with opened_rotating(settings, environment, lambda head: None, lambda sentence: None) as rotating:
        rotating.abort(occasion())
    standing = is_whole(settings, environment)
    assert (len(standing.accepted), standing.rotation) == (1, None)
    reported(settings, "gate-2", file, standing.key_id)
    assert rotate(settings)
    with (
        opened_rotating(settings, {}, lambda head: None, lambda sentence: None) as rotating,
        pytest.raises(Conflict, match="has the new key"),
    ):
        rotating.abort(occasion())
