"""Where the key-encryption key comes from: a file, a variable, or a command.

Each process reads it when it starts, and the operators' instance again from time to time. If two sources hold
different keys, neither wins silently: it may be the wrong one.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from engage_server.composition.keys.command import key_from_command
from engage_server.errors import FileNotUsable, SettingsInvalid
from engage_server.files import read_file
from engage_server.records import Secret
from engage_server.settings import Settings
from engage_server.store.keys.key_encryption_key import KeyEncryptionKey
from engage_server.variables import FILE_SUFFIX, KEK_VARIABLE, assert_one_secret

MAX_KEY_FILE_BYTES = 4096
_COMMAND = "key_encryption_key_command"


class SourceKind(StrEnum):
    """What a source is."""

    FILE = "file"
    ENVIRONMENT = "environment"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class KeySource:
    """A place that gives the key.

    Attributes:
        kind: What it is.
        name: The path of the file, the name of the variable, or the first word of the command.
    """

    kind: SourceKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class GivenKey:
    """A key-encryption key, and where it came from."""

    key: KeyEncryptionKey
    source: KeySource


def read_key(settings: Settings, environment: Mapping[str, str]) -> GivenKey:
    """Return the key-encryption key.

    Raises:
        SettingsInvalid: There is no key, or the text is not a key. Or two sources hold different ones.
        NotPossible: The command fails.
        FileNotUsable: The file cannot be read.
    """
    source = source_of(settings, environment)
    text = _text_of(source, settings, environment)
    key = KeyEncryptionKey.from_text(text.reveal(), str(source))
    _assert_no_other(source, text, settings, environment)
    return GivenKey(key, source)


def source_of(settings: Settings, environment: Mapping[str, str]) -> KeySource:
    """Return the source that counts, without reading it."""
    if settings.key_encryption_key_command:
        return KeySource(SourceKind.COMMAND, settings.key_encryption_key_command[0])
    if environment.get(KEK_VARIABLE) is not None:
        return KeySource(SourceKind.ENVIRONMENT, KEK_VARIABLE)
    return KeySource(SourceKind.FILE, str(settings.key_encryption_key_file))


def _text_of(source: KeySource, settings: Settings, environment: Mapping[str, str]) -> Secret:
    if source.kind is SourceKind.COMMAND:
        return key_from_command(settings.key_encryption_key_command, environment)
    if source.kind is SourceKind.ENVIRONMENT:
        return Secret(environment[KEK_VARIABLE].encode())
    path = settings.key_encryption_key_file
    if not path.exists():
        raise SettingsInvalid(
            f"the key-encryption key {path} is missing",
            "On a further host, copy it from the first one. Otherwise restore it from its backup: nothing else opens "
            "the sealed site keys and private keys.",
        )
    return Secret(read_file(path, limit=MAX_KEY_FILE_BYTES))


def _assert_no_other(source: KeySource, text: Secret, settings: Settings, environment: Mapping[str, str]) -> None:
    """Hold the key against those of the other sources. A file that is gone, or may not be read, is none."""
    if source.kind is SourceKind.FILE:
        return
    path, value = settings.key_encryption_key_file, environment.get(KEK_VARIABLE)
    if source.kind is SourceKind.ENVIRONMENT:
        if KEK_VARIABLE + FILE_SUFFIX in environment:  # a file that nobody named may be left over
            assert_no_other_file(KEK_VARIABLE, text.reveal(), path)
        return
    if value is not None and Secret(value.strip().encode()) != Secret(text.reveal().strip()):
        raise SettingsInvalid(
            f"{_COMMAND} prints another key than {KEK_VARIABLE} holds",
            f"Unset {KEK_VARIABLE}, or the setting.",
            code="secret.given_twice",
        )
    with suppress(FileNotUsable):
        if path.exists() and Secret(read_file(path, limit=MAX_KEY_FILE_BYTES).strip()) != Secret(text.reveal().strip()):
            raise SettingsInvalid(
                f"{_COMMAND} prints another key than the file {path} holds",
                "Move the file away if it holds an old key. Otherwise remove the setting.",
                code="secret.given_twice",
            )


def assert_no_other_file(variable: str, value: bytes, path: Path | None) -> None:
    """Hold the secret of a variable against a file. One that is gone, or that this process may not read, is none.

    Raises:
        SettingsInvalid: They differ.
    """
    with suppress(FileNotUsable):
        if path is not None:
            assert_one_secret(variable, value, path, read_file(path, limit=MAX_KEY_FILE_BYTES))
