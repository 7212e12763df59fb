"""Reads the items of the exchange sheet from files: one file, or a folder whose file names begin with the sign."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from cryptography import x509

from engage_server.errors import EngageError
from engage_server.files import read_file
from engage_server.links.telekom.certificates.requests import is_request, read_request
from engage_server.links.telekom.exchange.exchange_set import (
    ExchangeSet,
    Fault,
    FoundCertificate,
    FoundKey,
    FoundRequest,
    FoundSecret,
    FoundUrl,
)
from engage_server.links.telekom.exchange.sheet import ITEMS, Kind
from engage_server.pki.chain import is_self_issued
from engage_server.pki.extensions import extension
from engage_server.pki.keys import public_key_der
from engage_server.pki.paths.bundle import Bundle, read_bundle
from engage_server.pki.paths.path import find_path
from engage_server.records import Secret
from engage_server.services.chains.held_files import (
    MAX_CERTIFICATES,
    MAX_FILE_BYTES,
    SUFFIXES,
    entries_of,
    folders_of,
    shown,
)

ORGANISATION = "organisation.toml"

_Keyed = FoundCertificate | FoundRequest | FoundKey

_SIGN = re.compile("([1-9A-HJK])_")
_REQUESTS = {".csr", ".req", ".p10"}
_URLS = {".url", ".txt"}
_MOST_FILES = 1000
_MAX_TEXT_BYTES = 4096
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_folder(folder: Path, passphrase: Secret | None) -> ExchangeSet:
    """Read a folder and the folders in it. A file's sign is what its name begins with, such as ``1_`` or ``A_``.

    A certificate or key without a sign belongs to the item that has the same key.

    Args:
        folder: The folder.
        passphrase: Opens the keys.

    Raises:
        FileNotUsable: The folder cannot be read.
    """
    found = ExchangeSet()
    for path in islice(_files(folder), _MOST_FILES):
        sign = _sign_of(path)
        if sign is not None:
            found += read_item(path, sign, passphrase)
    return _placed(found)


def read_item(path: Path, sign: str, passphrase: Secret | None = None) -> ExchangeSet:
    """Read one file. What is wrong with it becomes a :class:`Fault`.

    Args:
        path: The file.
        sign: The item that it belongs to; "" if that is not known yet.
        passphrase: Opens a key in it.
    """
    source = shown(path)
    kind = ITEMS[sign].kind if sign else Kind.CERTIFICATE
    try:
        content = read_file(path, limit=MAX_FILE_BYTES if kind is Kind.CERTIFICATE else _MAX_TEXT_BYTES)
        is_open = hasattr(os, "geteuid") and bool(path.stat().st_mode & _OTHERS)
        if kind is Kind.SECRET:
            return ExchangeSet(secrets=(FoundSecret(sign, source, not content.strip(), is_open),))
        if kind is Kind.URL:
            return ExchangeSet(urls=(FoundUrl(sign, source, content.decode("utf-8", "replace").strip()),))
        if is_request(content):
            return ExchangeSet(requests=(FoundRequest(sign, source, read_request(content, source=source)),))
        bundle = read_bundle(content, source=source, passphrase=passphrase)
    except EngageError as error:
        return ExchangeSet(faults=(Fault(source, error.sentence, error.next_step),))
    return _certificates(bundle, sign, source) + _keys(bundle, sign, source, _is_locked(content), is_open)


def _certificates(bundle: Bundle, sign: str, source: str) -> ExchangeSet:
    """Its end is the item, and the CAs above it come along."""
    if not bundle.certificates:
        return ExchangeSet()
    if len(bundle.certificates) > MAX_CERTIFICATES:
        return ExchangeSet(faults=(Fault(source, f"{source}: more than {MAX_CERTIFICATES} certificates", _ONE),))
    end = find_path(bundle.certificates).path[0]
    if not sign and is_authority(end):
        return ExchangeSet(authorities=bundle.certificates)
    others = tuple(each for each in bundle.certificates if each != end)
    return ExchangeSet(
        certificates=(FoundCertificate(sign, source, end),),
        authorities=tuple(each for each in others if is_authority(each)),
    )


_ONE = "Keep one certificate and its CAs in a file."


def _keys(bundle: Bundle, sign: str, source: str, is_locked: bool, is_open: bool) -> ExchangeSet:
    opened = [FoundKey(sign, source, key.public_key(), is_locked, is_open) for key in bundle.keys]
    locked = [FoundKey(sign, source, None, True, is_open) for _ in range(bundle.locked_keys)]
    broken = Fault(source, f"{source}: the private key cannot be read", "Restore the file from its backup.")
    return ExchangeSet(keys=(*opened, *locked), faults=(broken,) if bundle.broken_keys else ())


def _is_locked(content: bytes) -> bool:
    """Whether a file does not open without a passphrase."""
    try:
        return read_bundle(content, source="").locked_keys > 0
    except EngageError:
        return True


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether a certificate is that of a CA, or says that it issued itself."""
    constraints = extension(certificate, x509.BasicConstraints)
    return (constraints is not None and constraints.ca) or is_self_issued(certificate)


def _files(folder: Path) -> Iterator[Path]:
    entries = entries_of(folder)
    for each in (folder, *folders_of(entries)):
        yield from (path for path in entries_of(each) if path.is_file() and not path.name.startswith("."))


def _sign_of(path: Path) -> str | None:
    """The sign in a file's name. It is "" for a certificate or key without one, and None for any other file."""
    begin, suffix = _SIGN.match(path.name), path.suffix.lower()
    is_certificate = suffix in SUFFIXES or suffix in _REQUESTS
    if begin is None:
        return "" if is_certificate else None
    kind = ITEMS[begin[1]].kind
    fits = {Kind.CERTIFICATE: is_certificate, Kind.URL: suffix in _URLS, Kind.SECRET: True}
    return begin[1] if fits[kind] else None


def _placed(found: ExchangeSet) -> ExchangeSet:
    """Give what has no sign that of its key. What stays without one is reported by its file's name alone."""
    every: list[_Keyed] = [*found.certificates, *found.requests, *found.keys]
    signs: dict[bytes | None, str] = {}
    for each in every:
        if each.sign:
            signs.setdefault(_public_of(each), each.sign)
    signs.pop(None, None)  # a locked key says nothing
    placed: list[_Keyed] = [replace(each, sign=each.sign or signs.get(_public_of(each), "")) for each in every]
    return replace(
        found,
        certificates=tuple(each for each in placed if isinstance(each, FoundCertificate) and each.sign),
        requests=tuple(each for each in placed if isinstance(each, FoundRequest) and each.sign),
        keys=tuple(each for each in placed if isinstance(each, FoundKey) and each.sign),
        unplaced=tuple(dict.fromkeys(each.source for each in placed if not each.sign)),
    )


def _public_of(each: _Keyed) -> bytes | None:
    if isinstance(each, FoundKey):
        return None if each.public is None else public_key_der(each.public)
    public = each.certificate.public_key() if isinstance(each, FoundCertificate) else each.request.public_key()
    return public_key_der(public)
