"""The checks of ``engage link check``: the file, its sites, keys and certificates, and the running ingress."""

import os
import stat
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from engage_server.errors import EngageError
from engage_server.files import read_file
from engage_server.links.probe import probe_host, probe_plain
from engage_server.links.registry.links_file import LinksFile, read_links_file
from engage_server.links.registry.listeners import HostTable
from engage_server.links.registry.secret_file import read_secret_file
from engage_server.pki.encodings import read_certificates
from engage_server.pki.keys import keys_match, read_private_key
from engage_server.records import Secret
from engage_server.services.installation.checkup import Check, Level
from engage_server.settings import Settings

_MAX_PEM_BYTES = 256 * 1024
_WARN_DAYS = 21
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def check_links(settings: Settings, sites: Collection[str] | None, now: datetime) -> Iterator[Check]:
    """Look at everything that the ingress needs, one check after the other.

    Args:
        settings: The settings.
        sites: The names of the sites that exist. None if the database could not be asked.
        now: The time; aware.
    """
    try:
        file = read_links_file(settings.links_file, settings.links_bind, settings.links_port)
    except EngageError as error:
        yield Check.of_error("file", error)
        return
    counts = ", ".join(
        (
            _counted(len(file.links), "link"),
            _counted(len(file.hosts), "TLS host"),
            _counted(len(file.plain), "plain listener"),
        )
    )
    yield Check("file", Level.OK, f"{settings.links_file}: {counts}")
    yield from _check_sites(file, sites)
    yield _check_partners(file)
    yield from _check_accounts(file)
    yield _check_key(settings.links_key_file)
    for host in file.hosts.values():
        yield from _check_host(host, now)
    for plain in file.plain.values():
        yield probe_plain(plain)


def _counted(number: int, one: str) -> str:
    return f"{number} {one}" if number == 1 else f"{number} {one}s"


def _check_sites(file: LinksFile, sites: Collection[str] | None) -> Iterator[Check]:
    if sites is None:
        yield Check("sites", Level.WARNING, "whether the sites exist is not known: the database was not asked")
        return
    missing = [link for link in file.links.values() if link.site not in sites]
    for link in missing:
        sentence = f"link {link.name} leads to site '{link.site}', which does not exist"
        yield Check("sites", Level.PROBLEM, sentence, f"Correct site in [links.{link.name}], or add the site.")
    if not missing:
        yield Check("sites", Level.OK, "each link leads to a site that exists")


def _check_partners(file: LinksFile) -> Check:
    from engage_server.links.partners import prepare  # all partners: only this check needs them

    try:
        prepare(file)
    except EngageError as error:
        return Check.of_error("partners", error)
    return Check("partners", Level.OK, "the keys and secrets of all partners can be used")


def _check_accounts(file: LinksFile) -> Iterator[Check]:
    """The accounts at operators of SIMs. No operator is called."""
    if not file.sim and not file.of_partner("sim"):
        return
    from engage_server.links.sim.checkup import check_accounts  # JSON Schema: only files with such accounts need it

    yield from check_accounts(file)


def _check_key(path: Path) -> Check:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return Check("key", Level.OK, f"{path} does not exist: no device on a link has a secret yet")
    except OSError as error:
        return Check("key", Level.PROBLEM, f"{path}: {error.strerror}", "Run this as the service's user.")
    if hasattr(os, "geteuid") and mode & _OTHERS:
        return Check("key", Level.PROBLEM, f"{path}: other users may read or change it", f"chmod 600 {path}")
    return Check("key", Level.OK, f"{path} is for its owner alone")


def _check_host(host: HostTable, now: datetime) -> Iterator[Check]:
    name = f"host {host.table}"
    try:
        chain = read_certificates(
            read_file(host.certificate_file, limit=_MAX_PEM_BYTES), source=str(host.certificate_file)
        )
        passphrase = read_secret_file(host.key_passphrase_file) if host.key_passphrase_file else None
        content = Secret(read_file(host.key_file, limit=_MAX_PEM_BYTES))
        key = read_private_key(content, passphrase, source=str(host.key_file))
    except EngageError as error:
        yield Check.of_error(name, error)
        return
    if not keys_match(key, chain[0].public_key()):
        sentence = f"{host.key_file} is not the key of {host.certificate_file}"
        yield Check(name, Level.PROBLEM, sentence, "Name the key that the certificate was made for.")
        return
    yield _check_expiry(name, host, chain[0], now)
    if not _covers(chain[0], host.name):
        sentence = f"{host.certificate_file} does not name {host.name}, so partners refuse it"
        yield Check(name, Level.PROBLEM, sentence, "Get a certificate for that name, or correct the name.")
    yield probe_host(host, chain[0])


def _check_expiry(name: str, host: HostTable, leaf: x509.Certificate, now: datetime) -> Check:
    days = (leaf.not_valid_after_utc - now).days
    sentence = f"{host.certificate_file} ends on {leaf.not_valid_after_utc:%Y-%m-%d}, in {days} days"
    if now > leaf.not_valid_after_utc:
        sentence = f"{host.certificate_file} ended on {leaf.not_valid_after_utc:%Y-%m-%d}: partners refuse it"
        return Check(name, Level.PROBLEM, sentence, "Renew it, and send SIGHUP to the ingress.")
    if days < _WARN_DAYS:
        return Check(name, Level.WARNING, sentence, "Renew it, and send SIGHUP to the ingress.")
    return Check(name, Level.OK, sentence)


def _covers(leaf: x509.Certificate, name: str) -> bool:
    """Whether a certificate names a host. A wildcard covers one label (RFC 9525 section 6.3)."""
    try:
        found = leaf.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except x509.ExtensionNotFound:
        return False
    assert isinstance(found, x509.SubjectAlternativeName)  # noqa: S101  # the extension's only type
    named = {each.lower() for each in found.get_values_for_type(x509.DNSName)}
    return name in named or f"*.{name.partition('.')[2]}" in named
