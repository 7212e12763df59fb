"""Reads the items of the exchange sheet from ``links.toml``: the table ``[telekom]``, and the hosts that serve it."""

from collections.abc import Iterator
from pathlib import Path

from engage_server.errors import EngageError
from engage_server.files import read_file
from engage_server.links.registry.links_file import LinksFile, read_links_file
from engage_server.links.registry.secret_file import read_secret_file
from engage_server.links.telekom.certificates.organisation import read_organisation
from engage_server.links.telekom.certificates.profiles import Environment
from engage_server.links.telekom.exchange.exchange_set import (
    ExchangeSet,
    Fault,
    FoundUrl,
    ServedCertificate,
)
from engage_server.links.telekom.exchange.from_files import read_item
from engage_server.links.telekom.exchange.sheet import ITEMS, Item, Kind
from engage_server.links.telekom.settings import EnvironmentTable, TelekomTable, read_telekom_table
from engage_server.pki.encodings import read_certificates
from engage_server.records import Secret
from engage_server.services.chains.held_files import MAX_FILE_BYTES, shown

# Where a host listens that does not say. It matters to nobody here: endpoints are compared by their URLs.
_ANY, _HTTPS_PORT = "0.0.0.0", 443  # noqa: S104  # nothing listens

_SERVICES = {"telekom-ta": "2", "telekom-pe": "4"}


def read_links(file: Path) -> ExchangeSet:
    """Read what ``links.toml`` names. A file that cannot be read becomes a :class:`Fault`.

    Args:
        file: ``links.toml``.

    Raises:
        SettingsInvalid: ``links.toml`` cannot be read, or a key in it is unknown or wrong.
    """
    links = read_links_file(file, _ANY, _HTTPS_PORT)
    table = read_telekom_table(links.telekom, links.where.below("telekom"))
    found = ExchangeSet()
    for item in ITEMS.values():
        found += _item(file, table, item)
    for environment, sign in ((Environment.TEST, "1"), (Environment.PRODUCTION, "3")):
        found += _keys(table.of(environment), sign)
    for served in _served(links):
        found += served
    return found + _organisation(table)


def _item(file: Path, table: TelekomTable, item: Item) -> ExchangeSet:
    """What a key of the tables names."""
    value = getattr(table if item.environment is None else table.of(item.environment), item.key)
    if value is None:
        return ExchangeSet()
    if item.kind is Kind.URL:
        return ExchangeSet(urls=(FoundUrl(item.sign, f"{shown(file)} [{item.table}] {item.key}", value),))
    return read_item(value, item.sign)


def _keys(table: EnvironmentTable, sign: str) -> ExchangeSet:
    """Both keys of an environment. The TLS server's sign comes after that of the signature."""
    found = ExchangeSet()
    for key_file, passphrase_file, of_item in (
        (table.sign_key_file, table.sign_key_passphrase_file, sign),
        (table.ssl_key_file, table.ssl_key_passphrase_file, str(int(sign) + 1)),
    ):
        if key_file is not None:
            found += _key(key_file, passphrase_file, of_item)
    return found


def _key(key_file: Path, passphrase_file: Path | None, sign: str) -> ExchangeSet:
    passphrase: Secret | None = None
    faults = ExchangeSet()
    if passphrase_file is not None:
        try:
            passphrase = read_secret_file(passphrase_file)
        except EngageError as error:
            faults = _fault(passphrase_file, error)
    return faults + read_item(key_file, sign, passphrase)


def _served(links: LinksFile) -> Iterator[ExchangeSet]:
    for host in links.hosts.values():
        for service in host.serves:
            sign = _SERVICES.get(service)
            if sign is None:
                continue
            try:
                content = read_file(host.certificate_file, limit=MAX_FILE_BYTES)
                first = read_certificates(content, source=shown(host.certificate_file))[0]
            except EngageError as error:
                yield _fault(host.certificate_file, error)
            else:
                yield ExchangeSet(served=(ServedCertificate(sign, f"[{host.where.table}]", first),))


def _organisation(table: TelekomTable) -> ExchangeSet:
    if table.organisation_file is None:
        return ExchangeSet()
    return ExchangeSet(organisations=(read_organisation(table.organisation_file),))


def _fault(file: Path, error: EngageError) -> ExchangeSet:
    return ExchangeSet(faults=(Fault(shown(file), error.sentence, error.next_step),))
