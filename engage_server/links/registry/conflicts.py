"""What two tables of ``links.toml`` may not share."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from engage_server.errors import CertificateInvalid, FileNotUsable
from engage_server.files import read_file
from engage_server.links.registry.listeners import HostTable, PlainTable, listens_everywhere
from engage_server.links.registry.table import Where
from engage_server.pki.encodings import read_certificates
from engage_server.pki.keys import public_key_der

_Item = TypeVar("_Item")
# partner -> the key that chooses the link of a call: no two links may have the same
_ENDS = {"kpn": "destination", "m2u": "slot"}
_TEST, _PRODUCTION = "telekom-ta", "telekom-pe"
_MAX_CERTIFICATES_BYTES = 256 * 1024


def assert_names_differ(tables: Sequence[HostTable | PlainTable]) -> None:
    """Check that no host and no plain listener have the name of another table: it says where a call came in.

    Raises:
        SettingsInvalid: Two have.
    """
    for one, other in _pairs(tables, lambda each: each.table):
        raise other.where.refused(f"[{one.where.table}] has the same name", "Rename one of them.")


def assert_addresses_differ(hosts: Sequence[HostTable], plain: Sequence[PlainTable]) -> None:
    """Check that each name of a port is there once, and that no two listeners take one port from each other.

    Raises:
        SettingsInvalid: One of them is not so.
    """
    for one, other in _pairs(hosts, lambda host: (host.bind, host.port, host.name)):
        raise other.where.refused(
            f"[{one.where.table}] has the same name and port: {other.name}, {other.bind} port {other.port}",
            "Change name, port or bind of one of them.",
            "name",
        )
    for one_plain, other_plain in _pairs(plain, lambda each: (each.bind, each.port)):
        raise other_plain.where.refused(
            f"[{one_plain.where.table}] listens there already: {other_plain.bind} port {other_plain.port}",
            "Change bind or port, or make one table of the two.",
            "port",
        )
    _assert_no_overlap(hosts, plain)


def _assert_no_overlap(hosts: Sequence[HostTable], plain: Sequence[PlainTable]) -> None:
    """A wildcard takes the port of every address. Plain HTTP and TLS on one port cannot be."""
    tables: list[HostTable | PlainTable] = [*hosts, *plain]
    for number, one in enumerate(tables):
        for other in tables[number + 1 :]:
            same = one.bind == other.bind
            if one.port != other.port or (same and isinstance(one, HostTable) and isinstance(other, HostTable)):
                continue
            if same or listens_everywhere(one.bind) or listens_everywhere(other.bind):
                raise other.where.refused(
                    f"[{one.where.table}] listens on {one.bind} port {one.port}, so {other.bind} port {other.port} "
                    "is not free",
                    "Change bind or port of one of them.",
                    "port",
                )


def assert_environments_apart(hosts: Sequence[HostTable]) -> None:
    """Check that Telekom's test (TA) and production (PE) share no name and port, and no key.

    Raises:
        SettingsInvalid: They do, or a certificate cannot be read.
    """
    for host in hosts:
        if {_TEST, _PRODUCTION} <= set(host.serves):
            raise host.where.refused(
                "it serves both telekom-ta and telekom-pe; Telekom demands that they share no address",
                "Give each its own table, with another name or port, and its own key.",
                "serves",
            )
    for test in (host for host in hosts if _TEST in host.serves):
        for other in (host for host in hosts if _PRODUCTION in host.serves):
            _assert_apart(test, other)


def _assert_apart(test: HostTable, other: HostTable) -> None:
    if (test.name, test.port) == (other.name, other.port):
        raise other.where.refused(
            f"[{test.where.table}] serves telekom-ta under the same name and port, and this one telekom-pe",
            "Change name or port of one of them.",
            "name",
        )
    if test.key_file == other.key_file or _public_key(test) == _public_key(other):
        raise other.where.refused(
            f"[{test.where.table}] serves telekom-ta with the same private key, and this one telekom-pe",
            "Make a new key for one of them: 'engage telekom csr'.",
            "key_file",
        )


def _public_key(host: HostTable) -> bytes:
    """The key that the host's certificate names. That the key file holds it, is checked when the ingress starts."""
    return public_key_of(host.certificate_file, host.where, "certificate_file")


def public_key_of(file: Path, where: Where, key: str) -> bytes:
    """Return the public key of the first certificate in a PEM file, so that keys can be compared.

    Raises:
        SettingsInvalid: The file holds none.
    """
    try:
        first = read_certificates(read_file(file, limit=_MAX_CERTIFICATES_BYTES), source=str(file))[0]
    except (FileNotUsable, CertificateInvalid) as error:
        raise where.refused(error.sentence, error.next_step, key) from None
    return public_key_der(first.public_key())


def assert_ends_differ(links: Iterable[tuple[str, Mapping[str, object], Where]]) -> None:
    """Check that no two links of a partner answer at one address.

    Args:
        links: Partner, keys and place of each.

    Raises:
        SettingsInvalid: Two do.
    """
    seen: dict[tuple[str, str], Where] = {}
    for partner, keys, where in links:
        key = _ENDS.get(partner, "")
        end = keys.get(key)
        if not isinstance(end, str):
            continue  # the partner says what is missing
        if (partner, end) in seen:
            raise where.refused(
                f"[{seen[partner, end].table}] has the same {key}: {end}", f"Change the {key} of one.", key
            )
        seen[partner, end] = where


def _pairs(items: Sequence[_Item], by: Callable[[_Item], Hashable]) -> Iterable[tuple[_Item, _Item]]:
    """Yield what is equal to an earlier one, with that one."""
    first: dict[Hashable, _Item] = {}
    for item in items:
        if by(item) in first:
            yield first[by(item)], item
        else:
            first[by(item)] = item
