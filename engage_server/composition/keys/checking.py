"""``engage key check``, and what ``engage doctor`` says of the keys."""

import stat
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Engine

from engage_server.composition.keys.key_files import KeyFile
from engage_server.composition.keys.source import GivenKey, SourceKind, read_key
from engage_server.composition.keys.watch import holder_here
from engage_server.composition.opening import given_release_key, open_database
from engage_server.errors import EngageError, SealBroken
from engage_server.records import KeyHolder
from engage_server.services.installation.checkup import Check, Level
from engage_server.services.keys.standing import OPENS, KeyStanding
from engage_server.settings import Settings
from engage_server.store import schema
from engage_server.store.sealing import Sealer
from engage_server.store.sql_store import SqlStore


def check_keys(settings: Settings, environment: Mapping[str, str]) -> KeyStanding:
    """Read the key of this process, and try everything that it should open. Nothing is changed.

    Raises:
        StoreNotUsable: There is no database, or it does not answer.
        SettingsInvalid: There is no key, or two sources hold different ones.
        NotPossible: The command that prints the key fails.
    """
    engine = open_database(settings)
    try:
        return _standing(engine, settings, environment, read_key(settings, environment))
    finally:
        engine.dispose()


def _standing(engine: Engine, settings: Settings, environment: Mapping[str, str], given: GivenKey) -> KeyStanding:
    sealer, trouble = _opened(engine, given)
    store = SqlStore(engine, sealer)
    file = KeyFile(settings.key_encryption_key_file)
    is_file = given.source.kind is SourceKind.FILE
    mode, owner = _mode_and_owner(file) if is_file else ("", "")
    rotation = store.key_rotation()
    return KeyStanding(
        key_id=given.key.key_id,
        source=str(given.source),
        mode=mode,
        owner=owner,
        trouble=trouble,
        accepted=store.accepted_keys(),
        sealed=store.open_sealed_values() if sealer is not None else None,
        release_key=_release_key(engine, settings, environment),
        holders=_as_of_now(store.key_holders(), holder_here(engine, settings, environment)[0]),
        rotation=rotation,
        left_over=file.left_over() if is_file and rotation is None else (),
    )


def _as_of_now(holders: Sequence[KeyHolder], here: KeyHolder) -> list[KeyHolder]:
    """What was reported, but for this host's own source: it may have changed since, such as before an interruption."""
    place = (here.host, here.place, here.source)
    return [
        replace(each, key_id=here.key_id, trouble=here.trouble)
        if (each.host, each.place, each.source) == place
        else each
        for each in holders
    ]


def _opened(engine: Engine, given: GivenKey) -> tuple[Sealer | None, str]:
    try:
        return schema.opened_sealer(engine, given.key), ""
    except SealBroken as error:
        return None, error.sentence


def _release_key(engine: Engine, settings: Settings, environment: Mapping[str, str]) -> str:
    try:
        release_key = given_release_key(settings, environment)
        if release_key is None:
            return ""
        schema.assert_release_seal(engine, release_key)
    except EngageError as error:
        return error.sentence
    return OPENS


def _mode_and_owner(file: KeyFile) -> tuple[str, str]:
    found = file.path.stat()
    try:
        owner = file.path.owner()
    except KeyError:
        owner = str(found.st_uid)
    return f"{stat.S_IMODE(found.st_mode):04o}", owner


def look_at_keys(settings: Settings, environment: Mapping[str, str]) -> Check:
    """What ``engage doctor`` says of the keys, in one check.

    Raises:
        EngageError: As for :func:`check_keys`.
    """
    found = check_keys(settings, environment)
    step = found.next_step
    if found.trouble or found.sealed is None:
        return Check("keys", Level.PROBLEM, found.trouble, step)
    if found.sealed.broken:
        return Check("keys", Level.PROBLEM, f"these do not open: {'; '.join(found.sealed.broken)}", step)
    if not found.is_well:
        what = f"{found.stale[0].name} has a key that is not accepted" if found.stale else found.release_key
        return Check("keys", Level.PROBLEM, what, step)
    opened = f"key {found.key_id} from the {found.source} opens all {found.sealed.count} sealed values"
    if found.rotation is not None:
        return Check("keys", Level.WARNING, f"{opened}, but its change to {found.rotation.new} is not over", step)
    if found.left_over:
        return Check("keys", Level.WARNING, f"{opened}, but an old key is left: {found.left_over[0]}", step)
    return Check("keys", Level.OK, opened)
