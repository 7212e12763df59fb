"""Chooses among the chains that an earlier installation left, for the first release of a new database.

The database that knew which chain was served is gone. The newest chain that can be served today is the best guess: each
renewal writes a new folder.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from engage_server.checks import ChainCase, Circumstances, Finding, Severity, run_checks
from engage_server.errors import EngageError, HostInvalid, Refused
from engage_server.pki.extensions import extension
from engage_server.records import AnchorRole, Host
from engage_server.services.chains.authority import chain_folders
from engage_server.services.chains.folder import SERVER, SUCCESSOR_TITLES, ChainMaterial, free_folder, read_chain_folder

_OF_A_ROTATION = r"-\d{4}-\d{2}-\d{2}(-\d+)?"


@dataclass(frozen=True, slots=True)
class LeftChain:
    """A chain that is already there.

    Attributes:
        folder: Its folder.
        hosts: The hosts in its server certificate, without wildcards; empty if it cannot be read.
        begins: When its server certificate becomes valid; None if it cannot be read.
        why_not: Why it cannot be served; "" if it can.
    """

    folder: Path
    hosts: tuple[Host, ...]
    begins: datetime | None
    why_not: str


def choose_chain(
    folder: Path, hosts: tuple[Host, ...], now: datetime, refused: Mapping[int, str] | None = None
) -> list[LeftChain]:
    """The chains that can be served today for these hosts, the newest first. Empty if a new one has to be built.

    Args:
        folder: Where the first chain of the site is built, such as ``certs/main``. Folders beside it are searched, too.
        hosts: The hosts that devices call. If empty, only the site's own folders are searched, for the hosts of each.
        now: The time, timezone-aware.
        refused: The staged releases of the site, with the reason why each cannot be served. None: there is no site yet.

    Raises:
        Refused: The site has chains or staged releases, and none of them can be served. Each is named, with the reason.
    """
    own = re.compile(re.escape(folder.name) + f"({_OF_A_ROTATION})?")
    found = [_judge(each, hosts, now) for each in _candidates(folder)]
    owned = [each for each in found if own.fullmatch(each.folder.relative_to(folder.parent).parts[0])]
    usable = [each for each in (found if hosts else owned) if not each.why_not]
    if (owned or refused) and not usable:
        raise _none_fits(folder, owned, hosts, refused)
    return sorted(usable, key=_age, reverse=True)


def reason_of(chosen: Sequence[LeftChain], site: str) -> Iterator[str]:
    """Sentences about the choice among several chains: why the first, and how to serve another one."""
    if len(chosen) > 1:
        newest = chosen[0]
        yield (
            f"chose it among {len(chosen)} chains that can be served: its server certificate is the newest, "
            f"valid from {newest.begins:%Y-%m-%d %H:%M} UTC"
        )
    for each in chosen[1:]:
        yield f"to serve {each.folder} instead: engage release stage {shlex.quote(str(each.folder))} --site {site}"


def _candidates(folder: Path) -> Iterator[Path]:
    for path in chain_folders(folder.parent):
        is_first = path == folder and any(path.iterdir())
        if path != folder.parent and (is_first or any((path / f"{SERVER}{end}").exists() for end in (".pem", ".key"))):
            yield path


def _judge(folder: Path, hosts: tuple[Host, ...], now: datetime) -> LeftChain:
    try:
        material = read_chain_folder(folder)
        named = _hosts_of(material.chain.server)
        why_not = _error(material, hosts or named, now)
    except EngageError as error:
        return LeftChain(folder, (), None, error.sentence)
    return LeftChain(folder, named, material.chain.server.not_valid_before_utc, why_not)


def _error(material: ChainMaterial, hosts: tuple[Host, ...], now: datetime) -> str:
    """The first error that would keep the chain from going live; "" for none."""
    at = Circumstances(now, hosts, AnchorRole.ROOT, material.server_key.public_key())
    errors = (each for each in run_checks(ChainCase.of_chain(material.chain, at)) if each.severity is Severity.ERROR)
    return next(map(why_not, errors), "")


def why_not(error: Finding) -> str:
    """The reason why a chain or a release cannot be served, for a message."""
    return f"{error.code}: {error.certificate}: {error.sentence}"


def _age(chain: LeftChain) -> tuple[datetime | None, int, int]:
    """Order by time. The last chain of a rotation is newer than the one before it, which began at the same time."""
    name = chain.folder.name
    place = SUCCESSOR_TITLES.index(name) if name in SUCCESSOR_TITLES else 0
    return chain.begins, place, (chain.folder / f"{SERVER}.key").stat().st_mtime_ns


def _hosts_of(server: x509.Certificate) -> tuple[Host, ...]:
    """The hosts in a server certificate, which are the hosts that devices call."""
    names = extension(server, x509.SubjectAlternativeName) or ()
    hosts: list[Host] = []
    for text in [str(each.value) for each in names if isinstance(each, x509.DNSName | x509.IPAddress)]:
        with suppress(HostInvalid):  # a wildcard is not a host that devices call
            hosts.append(Host.parse(text))
    return tuple(dict.fromkeys(hosts))


def _none_fits(
    folder: Path, chains: Sequence[LeftChain], hosts: tuple[Host, ...], refused: Mapping[int, str] | None
) -> Refused:
    site, exists = folder.name, refused is not None
    change = f"site change {site}" if exists else f"init --site {site}"
    rows = [f"  release {number} of {site}, staged before: {error}" for number, error in (refused or {}).items()]
    use = ""
    for each in chains:
        rows.append(f"  {each.folder}: {each.why_not}")
        if each.hosts and "san.host_missing" in each.why_not:
            rows.append(f"    to use it: engage {change} {_options(each.hosts)}")
            use = f"Use the command of one of them, {'then repeat this one' if exists else 'with your other options'}. "
    wanted = hosts or next((each.hosts for each in chains if each.hosts), ())
    again = "" if hosts else f" with {_options(wanted) or '--host HOST'}"  # or the new folder is not the site's own
    build = f"engage chain build {shlex.quote(str(free_folder(folder)))} {_options(wanted) or '--host HOST'}"
    return Refused(
        f"no chain in {folder.parent} can be served for {' '.join(map(str, hosts)) or site}:",
        f"{use}{'Or build' if use else 'Build'} a chain and repeat this command{again}: {build}",
        code="chain.none_fits",
        rows=rows,
    )


def _options(hosts: Sequence[Host]) -> str:
    return " ".join(f"--host {host}" for host in hosts)
