"""The manifest of a backup: what is inside, and what devices were served when it was made. Pure."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from engage_server.records import AuditHead
from engage_server.services.backup.archive.names import MANIFEST, damaged

FORMAT_VERSION = 1
_MOST_BYTES = 8 * 1024 * 1024  # some 20,000 sites; JSON takes many times as much memory once it is read
FORMAT_NAME = "engage-server backup"


class AuthorityKeys(StrEnum):
    """Whether an archive holds the authority's folder, and how its private keys rest there."""

    NONE = "none"
    ENCRYPTED = "encrypted"
    PLAIN = "plain"  # anyone who has the archive can issue certificates


@dataclass(frozen=True, slots=True)
class ServedSite:
    """What one site gives to devices, as digests (SHA-256, hexadecimal).

    Attributes:
        site: Its name.
        release: The number of its current release.
        notices: The digest of the notice for each of its hosts.
        der: The digest of the trust anchor that the notice names.
        chain: The digest of the certificates that TLS sends, as DER, one after another.
    """

    site: str
    release: int
    notices: Mapping[str, str]
    der: str
    chain: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is inside.

    Attributes:
        product: The version of the program that made it.
        made_at: When its picture of the database was taken; aware, UTC.
        host: The host that made it. Devices' files and uploads are of this host alone.
        schema: The version of the tables, such as ``0024``.
        generation: The store's generation.
        audit_head: The end of the audit log.
        key_ids: Identify the key-encryption keys that open it, and say nothing else about them.
        authority: Whether the authority's folder is inside.
        rows: The number of rows of each table.
        files: The number of members that are files of the installation.
        sites: What is served.
        cert_url_port: The port in the notices' ``cert_url``.
        digests: The digest of the list of digests: of its parts, one after another.
    """

    product: str
    made_at: datetime
    host: str
    schema: str
    generation: int
    audit_head: AuditHead
    key_ids: tuple[str, ...]
    authority: AuthorityKeys
    rows: Mapping[str, int]
    files: int
    sites: tuple[ServedSite, ...]
    cert_url_port: int
    digests: str


def format_bytes() -> bytes:
    """Return the content of the first member."""
    return _written({"format": FORMAT_NAME, "version": FORMAT_VERSION})


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return the content of the member ``manifest.json``."""
    value = asdict(manifest) | {"version": FORMAT_VERSION, "made_at": manifest.made_at.isoformat()}
    return _written(value)


def read_manifest(content: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        Refused: It is not one of this version.
    """
    try:
        if len(content) > _MOST_BYTES:
            raise ValueError
        value: Any = json.loads(content)
        if value.pop("version") != FORMAT_VERSION:
            raise damaged(MANIFEST, "it is of another version than the archive")
        value["made_at"] = datetime.fromisoformat(value["made_at"])
        value["audit_head"] = AuditHead(int(value["audit_head"]["number"]), str(value["audit_head"]["hash"]))
        value["authority"] = AuthorityKeys(value["authority"])
        value["key_ids"] = tuple(str(each) for each in value["key_ids"])
        value["rows"] = {str(table): int(count) for table, count in value["rows"].items()}
        value["sites"] = tuple(ServedSite(**each) for each in value["sites"])
        return Manifest(**value)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        raise damaged(MANIFEST, "it is no manifest of a backup") from None


def _written(value: object) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"
