"""Decides what a target's name means: standard input, a live host, a file or folder, or a key for another target."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from engage_server.errors import FileNotUsable, UsageError
from engage_server.records import Secret
from engage_server.services.chains.grouping import FileGroup, authorities_in, joined
from engage_server.services.chains.held_files import MAX_CERTIFICATES, SUFFIXES, HeldFile, held_in, look_into
from engage_server.shown_text import without_user

STANDARD_INPUT = "-"

_HTTPS_PORT = 443
_LONGEST_KEY_FILE = 1 << 16
_KEY, _CERTIFICATE = b"PRIVATE KEY-----", b"CERTIFICATE-----"
_OF_DER, _OF_BASE64_OF_PEM = b"\x30", b"LS0t"


def live_target(target: str) -> tuple[str, int] | None:
    """Host and port of a live target; None for a path and for standard input. A name that exists as a file is a file.

    Raises:
        UsageError: It is an address of something else.
        FileNotUsable: It looks like a file name, but there is no such file.
    """
    if target == STANDARD_INPUT:
        return None
    if "://" not in target and (is_there(Path(target)) or "/" in target or "\\" in target):
        return None
    try:
        url = urlsplit(target if "://" in target else f"https://{target}")
        host, port = url.hostname, _HTTPS_PORT if url.port is None else url.port
    except ValueError:
        host, port, url = None, 0, urlsplit("")
    says_more = url.path.strip("/") or url.query or url.fragment or "@" in url.netloc
    if url.scheme == "http" and host:
        raise UsageError(
            f"{without_user(target)!r} names plain HTTP, and a check needs the TLS instance",
            "Name https://HOST[:PORT]. Give the port of plain HTTP with --http-port.",
        )
    if url.scheme != "https" or not host or not port or says_more:
        raise UsageError(
            f"{without_user(target)!r} is neither a file nor https://HOST[:PORT]", "Name a file, a folder or a host."
        )
    if ":" not in target and ("." not in host or Path(target).suffix.lower() in SUFFIXES):
        raise FileNotUsable(f"{target}: no such file or folder", "Name a file, a folder, or https://HOST.")
    return host, port


def keys_named_beside(targets: Sequence[str], passphrase: Secret | None) -> dict[str, HeldFile]:
    """The targets that are files with a private key and no certificate, if there are other targets as well."""
    if len(targets) < 2:
        return {}
    found = {target: held for target in targets if (held := _held_key(Path(target), passphrase)) is not None}
    return found if len(found) < len(targets) else {}


def files_named_together(targets: Sequence[str], passphrase: Secret | None) -> dict[str, FileGroup | None]:
    """The chains of files that were named together, by target; None for one that belongs to the chain of another.

    Only for few files, as in a folder. A target that is not in the answer is judged alone.
    """
    files = [target for target in targets if target != STANDARD_INPUT and _is_file(Path(target))]
    if not 1 < len(files) <= MAX_CERTIFICATES:
        return {}
    held = {target: look_into(Path(target), passphrase) for target in files}
    usable = {target: file for target, file in held.items() if file.bundle.certificates and not file.is_a_heap}
    groups = {group.name: group for group in joined(list(usable.values()))}
    found = {target: groups.get(file.path) for target, file in usable.items()}
    return {target: group for target, group in found.items() if group is None or len(group.files) > 1}


def authorities_named_beside(targets: Sequence[str], passphrase: Secret | None) -> dict[str, HeldFile]:
    """The targets that are files of CAs only, if chains of folders or of standard input may need them.

    Only for few files, as in a folder.
    """
    files = [target for target in targets if target != STANDARD_INPUT and _is_file(Path(target))]
    others = [target for target in targets if target == STANDARD_INPUT or _is_folder(Path(target))]
    if not others or len(files) > MAX_CERTIFICATES:
        return {}
    held = {target: look_into(Path(target), passphrase) for target in files}
    found = authorities_in([file for file in held.values() if file.bundle.certificates])
    return {target: file for target, file in held.items() if file in found}


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_there(path: Path) -> bool:
    """Whether something has this name, even a broken link. A name that no file can have is not an error."""
    try:
        return path.is_symlink() or path.exists()
    except (OSError, ValueError):
        return False


def _held_key(path: Path, passphrase: Secret | None) -> HeldFile | None:
    try:
        if not path.is_file() or path.stat().st_size > _LONGEST_KEY_FILE:
            return None
        content = path.read_bytes()
    except (OSError, ValueError):
        return None
    if _KEY in content:
        return None if _CERTIFICATE in content else held_in(content, path, passphrase)
    held = held_in(content, path, passphrase) if content.startswith((_OF_DER, _OF_BASE64_OF_PEM)) else None
    return held if held is not None and held.is_key_alone else None
