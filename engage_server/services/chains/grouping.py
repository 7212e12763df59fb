"""Groups the files of a folder into chains: certbot's four files, a certificate with its key, or one of many files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from engage_server.errors import FileNotUsable
from engage_server.pki.chain import is_issued_by
from engage_server.pki.keys import keys_match
from engage_server.pki.names import comparable
from engage_server.pki.paths.bundle import Bundle
from engage_server.pki.paths.path import find_path
from engage_server.records import Secret
from engage_server.services.chains.folder import SERVER
from engage_server.services.chains.held_files import (
    MAX_CERTIFICATES,
    HeldFile,
    entries_of,
    files_of,
    folders_of,
    look_into,
)

_OURS = "partner_"


@dataclass(frozen=True, slots=True)
class FileGroup:
    """The files of one chain.

    Attributes:
        name: The name of the group in reports: a file, or a folder.
        files: Its files.
        served: The file that a TLS server would send; None if unknown.
    """

    name: Path
    files: tuple[HeldFile, ...]
    served: HeldFile | None = None


def groups_below(folder: Path, passphrase: Secret | None) -> Iterator[FileGroup]:
    """The chains in a folder and in the folders below it, by name. A folder that we wrote is not searched further.

    Raises:
        FileNotUsable: The folder cannot be read. A folder below it that cannot be read gives a group with that error.
    """
    files = files_of(folder)
    if len(files) <= MAX_CERTIFICATES or _is_ours(files):
        groups = _groups_of_few(folder, [look_into(file, passphrase) for file in files])
        if _is_ours(files):
            yield from groups
            return
        found: dict[Path, FileGroup | None] = {group.name: group for group in groups}
    else:  # so many files are separate chains: they are read one at a time
        found = dict.fromkeys(files)
    below = set(folders_of(entries_of(folder)))
    for path in sorted({*found, *below}):
        if path in below:
            yield from _below(path, passphrase)
        else:
            yield from _one(path, found[path], set(files), passphrase)


def _below(folder: Path, passphrase: Secret | None) -> Iterator[FileGroup]:
    try:
        entries_of(folder)
    except FileNotUsable as error:
        yield FileGroup(folder, (HeldFile(folder, error=error),))
    else:
        yield from groups_below(folder, passphrase)


def _one(path: Path, group: FileGroup | None, files: set[Path], passphrase: Secret | None) -> Iterator[FileGroup]:
    if group is not None:
        yield group
        return
    file = look_into(path, passphrase)
    if not file.is_beside_the_point and not file.is_key_alone:
        key = path.with_suffix(".key")
        yield FileGroup(path, (file, look_into(key, passphrase)) if key in files - {path} else (file,))


def _groups_of_few(folder: Path, files: Sequence[HeldFile]) -> list[FileGroup]:
    files = [file for file in files if not file.is_beside_the_point]
    if _is_ours([file.path for file in files]):
        served = next((file for file in files if file.path.name == f"{SERVER}.pem"), None)
        return [FileGroup(folder, tuple(files), served)]
    readable = [file for file in files if file.error is None]
    unreadable = [FileGroup(file.path, (file,)) for file in files if file.error is not None]
    mains = _mains(readable)
    if len(mains) == 1 and len(readable) > 1:
        return [FileGroup(folder, tuple(readable), as_sent(mains[0])), *unreadable]
    if mains:
        authorities = authorities_in(readable)
        return [FileGroup(main.path, (main, *_beside(main, authorities, readable))) for main in mains] + unreadable
    return _without_a_server(folder, readable) + unreadable


def _mains(files: Sequence[HeldFile]) -> list[HeldFile]:
    """The main file of each chain: with a server certificate and more, otherwise with a server certificate alone."""
    by_end: dict[x509.Certificate, list[HeldFile]] = {}
    found = [file for file in files if file.is_a_heap]
    for file, end in _with_servers(files):
        by_end.setdefault(end, []).append(file)
    for holders in by_end.values():
        found += [file for file in holders if file.holds_several] or holders[:1]
    return found


def _with_servers(files: Sequence[HeldFile]) -> list[tuple[HeldFile, x509.Certificate]]:
    """The files with a server certificate. One that issued another certificate here is an issuer, CA:TRUE or not."""
    ends = [(file, end) for file in files if (end := file.end()) is not None]
    by_issuer: dict[object, set[x509.Certificate]] = {}
    for each in (each for file in files if not file.is_a_heap for each in file.bundle.certificates):
        by_issuer.setdefault(comparable(each.issuer), set()).add(each)

    def signed_another(end: x509.Certificate) -> bool:
        return any(each != end and is_issued_by(each, end) for each in by_issuer.get(comparable(end.subject), ()))

    return [(file, end) for file, end in ends if not signed_another(end)]


def joined(files: Sequence[HeldFile]) -> list[FileGroup]:
    """The chains of several files that were named together. A file of CAs belongs to each chain that needs it.

    Every file with a server certificate is a chain, and so is a file of CAs that no chain needs. Keys are left alone.
    """
    found = authorities_in(files)
    beside = {main.path: tuple(_of_the_path(main, found)) for main, _ in _with_servers(files)}
    needed = {file.path for each in beside.values() for file in each}
    return [
        FileGroup(file.path, (file, *beside.get(file.path, ())), as_sent(file))
        for file in files
        if file.path not in needed
    ]


def needed_by(group: FileGroup, authorities: Sequence[HeldFile]) -> list[HeldFile]:
    """Those files of CAs, named together with a folder, whose certificates the path of this chain needs or has."""
    if not authorities:
        return []
    together = HeldFile(group.name, sum((file.bundle for file in group.files), Bundle()))
    return _of_the_path(together, authorities) if together.end() is not None else []


def as_sent(main: HeldFile) -> HeldFile | None:
    """The main file, if a server may send it: several certificates in an order, without a root."""
    held = main.bundle
    if not main.holds_several or main.is_a_heap:
        return None
    complete = find_path(held.certificates)
    ends_in_root = len(complete.path) > 1 and complete.path[-1].issuer == complete.path[-1].subject
    return main if held.in_order and not ends_in_root else None


def authorities_in(files: Sequence[HeldFile]) -> list[HeldFile]:
    """The files with certificates of CAs only."""
    others = {file.path for file, _ in _with_servers(files)}
    return [file for file in files if file.bundle.certificates and not file.is_a_heap and file.path not in others]


def _beside(main: HeldFile, authorities: Sequence[HeldFile], files: Sequence[HeldFile]) -> Iterator[HeldFile]:
    """The files that belong to one of several chains: its key, and CAs that its main file does not contain."""
    yield from _issuers_beside(main, authorities)
    yield from (file for file in files if file.is_key_alone and is_key_of(file, main))


def _issuers_beside(main: HeldFile, authorities: Sequence[HeldFile]) -> Iterator[HeldFile]:
    """The files of CAs whose certificates the path of a main file needs."""
    needed = _path_of(main, authorities) - set(main.bundle.certificates)
    return (file for file in authorities if needed & set(file.bundle.certificates))


def _of_the_path(main: HeldFile, authorities: Sequence[HeldFile]) -> list[HeldFile]:
    """The files of CAs with a certificate of the main file's path. The main file may hold it as well."""
    path = _path_of(main, authorities)
    return [file for file in authorities if path & set(file.bundle.certificates)]


def _path_of(main: HeldFile, authorities: Sequence[HeldFile]) -> set[x509.Certificate]:
    pool = _above(main, [each for file in authorities for each in file.bundle.certificates])
    return set(find_path(pool).path) if len(pool) <= MAX_CERTIFICATES else set()


def _above(main: HeldFile, others: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """The certificates of a main file, and those that their names lead to; no issuer of another chain."""
    pool = list(main.bundle.certificates)
    for each in pool:  # it grows meanwhile
        wanted = comparable(each.issuer)
        pool += [other for other in others if comparable(other.subject) == wanted and other not in pool]
    return pool


def is_key_of(key: HeldFile, main: HeldFile) -> bool:
    """Whether a file of keys belongs to a file of certificates: by its name, or because it has the server's key."""
    if key.path.stem == main.path.stem:
        return True
    end = main.end()
    return end is not None and any(keys_match(each, end.public_key()) for each in key.bundle.keys)


def _without_a_server(folder: Path, files: Sequence[HeldFile]) -> list[FileGroup]:
    """Groups of CAs only: files with one certificate each are one chain without its end. Others are separate."""
    holding = [file for file in files if file.bundle.certificates]
    if holding and not any(file.holds_several for file in holding):
        return [FileGroup(folder, tuple(files))]
    return [FileGroup(file.path, (file,)) for file in holding]


def _is_ours(files: Sequence[Path]) -> bool:
    return any(file.name.startswith(_OURS) for file in files)
