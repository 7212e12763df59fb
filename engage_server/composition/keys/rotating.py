"""``engage key rotate``: replaces the key-encryption key, step by step. Running it again goes on where it stopped.

1. The new key is on the disk before the database accepts it.
2. The database accepts both.
3. The new key takes the place of the old one.
4. Every process that needs the key confirms that its source gives the new one, and that it opens the installation key.
5. The database accepts the new one alone.
6. The files beside the key are removed.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from engage_server.composition.keys.command import key_from_command
from engage_server.composition.keys.key_files import KeyFile, given_text
from engage_server.composition.keys.source import GivenKey, SourceKind, read_key, source_of
from engage_server.composition.keys.watch import holder_here
from engage_server.composition.opening import open_database, open_sealer
from engage_server.errors import Conflict, FileNotUsable, UsageError
from engage_server.records import AuditAction, AuditHead, KeyHolder, KeyRotation, Occasion
from engage_server.records.telling import Tell
from engage_server.services.keys.standing import what_to_do
from engage_server.settings import Settings
from engage_server.store.interface import KeyStore
from engage_server.store.keys.key_encryption_key import KeyEncryptionKey
from engage_server.store.sql_store import SqlStore

_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class RotationTerms:
    """What the operator asked for.

    Attributes:
        new_key_file: The file of the new key; made if it does not exist. None: not given.
        new_key_command: The command that prints it. Empty: not given.
        without: Hosts that are gone for good.
        wait_seconds: How long to wait for the others.
    """

    new_key_file: Path | None = None
    new_key_command: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    wait_seconds: float = 60.0


class KeyRotating:
    """Replaces the key.

    Args:
        engine: The database.
        store: The store on it, with the installation key.
        settings: The settings.
        environment: Of this process.
        tell: Called with a sentence about each step that was done.
    """

    def __init__(
        self, engine: Engine, store: KeyStore, settings: Settings, environment: Mapping[str, str], tell: Tell
    ) -> None:
        self._engine, self._store, self._tell = engine, store, tell
        self._settings, self._environment = settings, environment
        self._file = KeyFile(settings.key_encryption_key_file)

    def run(self, terms: RotationTerms, occasion: Occasion) -> tuple[KeyHolder, ...]:
        """Begin a change, or go on with the one that is open. Return the holders that it still waits for.

        Raises:
            Conflict: The new key is not the one of the change that is open, or is in force already.
            Conflict: A host that is said to be gone still reports.
            UsageError: The key comes from a variable or a command, and no new one was given.
            SealBroken: The new key does not open the installation key.
            FileNotUsable: A file of a key cannot be written.
        """
        self._assert_gone(terms.without)
        given = self._given_text(terms)
        rotation = self._store.key_rotation() or self._begin(given, occasion)
        if not rotation.is_decided:
            self._place(rotation, given)
            missing = self._wait(rotation, terms)
            if missing:
                return missing
            new = self._read().key
            facts = {"old": rotation.old, "new": rotation.new, "without": " ".join(terms.without)}
            event = occasion.event(AuditAction.KEY_ROTATION_ENDED, **facts)
            self._store.decide_key_rotation(new, terms.without, event)
            self._tell(f"only the new key {rotation.new} is accepted now")
        if self._is_file():
            self._file.clean_up()
        self._store.close_key_rotation()
        self._tell(f"the key-encryption key {rotation.old} was replaced by {rotation.new}")
        return ()

    def abort(self, occasion: Occasion) -> None:
        """Give up a change whose new key nobody has confirmed: only the old key is accepted again.

        Raises:
            Conflict: There is no change, it is decided, or a holder has confirmed the new key.
        """
        rotation = self._store.key_rotation()
        here = self._read().key.key_id
        if rotation is not None and here == rotation.new:
            raise Conflict(
                f"this host has the new key {here} already", "Finish the change: engage key rotate", code="key.placed"
            )
        facts = {"old": rotation.old, "new": rotation.new} if rotation else {}
        self._store.abort_key_rotation(occasion.event(AuditAction.KEY_ROTATION_ABORTED, **facts))
        if self._is_file():
            self._file.clean_up()
        self._tell("only the old key is accepted again")

    def _assert_gone(self, hosts: tuple[str, ...]) -> None:
        """A host that lives would keep a key that nothing accepts, and not start again."""
        for each in self._store.key_holders():
            if each.host in hosts and each.is_alive:
                raise Conflict(
                    f"{each.name} is not gone: it reported a moment ago, and has the key {each.key_id or 'of nobody'}",
                    f"Leave --finish-without {each.host} out. {what_to_do(each)[:1].upper()}{what_to_do(each)[1:]}. "
                    "If the host is to go, stop its servers first, and wait a minute.",
                    code="key.host_lives",
                )

    def _given_text(self, terms: RotationTerms) -> bytes | None:
        if terms.new_key_file is not None:
            return given_text(terms.new_key_file)
        if terms.new_key_command:
            return key_from_command(terms.new_key_command, self._environment).reveal()
        return None

    def _begin(self, given: bytes | None, occasion: Occasion) -> KeyRotation:
        own = self._read()
        if given is not None and KeyEncryptionKey.from_text(given, "the new key").key_id == own.key.key_id:
            raise Conflict(
                f"the new key {own.key.key_id} is the one in force", "Give another one.", code="key.in_force"
            )
        if own.source.kind is SourceKind.FILE and (given is None or self._is_replaceable()):
            self._file.assert_replaceable()
            new = self._file.prepare(given)
        elif given is not None:
            new = KeyEncryptionKey.from_text(given, "the new key")
        else:
            raise UsageError(
                f"the key comes from the {own.source}: no new one can be put there from here",
                "Make one, and put it there afterwards: engage key rotate --new-key-file FILE",
                code="key.new_missing",
            )
        rotation = KeyRotation(own.key.key_id, new.key_id, occasion.now, occasion.actor)
        event = occasion.event(AuditAction.KEY_ROTATION_BEGUN, old=rotation.old, new=rotation.new)
        self._store.begin_key_rotation(rotation, new, event)
        self._tell(f"both keys are accepted: {rotation.old} and the new one, {rotation.new}")
        return rotation

    def _place(self, rotation: KeyRotation, given: bytes | None) -> None:
        """Put the new key into this host's file, if that is where the key comes from, and the new one is here."""
        if given is not None and KeyEncryptionKey.from_text(given, "the new key").key_id != rotation.new:
            raise Conflict(
                f"a change to the key {rotation.new} has begun, and the new key given is another one",
                "Finish that one first: engage key rotate. Then begin the next.",
                code="key.rotating",
            )
        if not self._is_file() or self._read().key.key_id == rotation.new or not self._is_replaceable():
            return
        if not self._file.holds_prepared(rotation.new):
            if given is None:
                return
            self._file.prepare(given)
        self._file.put_in_place()
        self._tell(f"the new key is in {self._file.path}, and the old one in {self._file.old} until this is over")

    def _wait(self, rotation: KeyRotation, terms: RotationTerms) -> tuple[KeyHolder, ...]:
        until = time.monotonic() + terms.wait_seconds
        while True:
            missing = self._missing(rotation, terms.without)
            if not missing or time.monotonic() >= until or self._is_next_step_here(rotation):
                return missing
            time.sleep(_PAUSE_SECONDS)

    def _is_next_step_here(self, rotation: KeyRotation) -> bool:
        """Whether this host's own source waits for the operator, who can do nothing while this command waits."""
        return not self._is_file() and self._read().key.key_id != rotation.new

    def _missing(self, rotation: KeyRotation, without: tuple[str, ...]) -> tuple[KeyHolder, ...]:
        """The holders that have not confirmed. What runs nowhere on this host is confirmed by this command."""
        here, _ = holder_here(self._engine, self._settings, self._environment)
        known = self._store.key_holders()
        for each in known:
            if (each.host, each.place) == (here.host, here.place) and not each.is_alive:
                self._store.report_key(here)
        others = rotation.missing([each for each in self._store.key_holders() if each.host not in without])
        if rotation.missing([here]):
            return (here, *(each for each in others if (each.host, each.place) != (here.host, here.place)))
        return others

    def _is_file(self) -> bool:
        return source_of(self._settings, self._environment).kind is SourceKind.FILE

    def _is_replaceable(self) -> bool:
        try:
            self._file.assert_replaceable()
        except FileNotUsable:
            return False
        return True

    def _read(self) -> GivenKey:
        return read_key(self._settings, self._environment)


@contextmanager
def opened_rotating(
    settings: Settings, environment: Mapping[str, str], told: Callable[[AuditHead], None], tell: Tell
) -> Iterator[KeyRotating]:
    """Open an installation for a change of its key.

    Args:
        settings: The settings.
        environment: Of this process.
        told: Called with each entry of the audit log.
        tell: Called with a sentence about each step that was done.

    Raises:
        EngageError: The database or the key cannot be used.
    """
    engine = open_database(settings)
    try:
        store = SqlStore(engine, open_sealer(engine, settings, environment), told=told)
        yield KeyRotating(engine, store, settings, environment, tell)
    finally:
        engine.dispose()
