"""Files of devices as rows hold them."""

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from engage_server.errors import BodyInvalid
from engage_server.protocol.database_answer import version_of
from engage_server.protocol.json_body import FILE_DEPTH, Json, read_json, write_json
from engage_server.records import CallInWay
from engage_server.services.device_files.folder import CONFIGURATION, DATABASE
from engage_server.services.device_files.given_database import GivenDatabase, written_given
from engage_server.services.device_files.uploads import Entry, upload_digest
from engage_server.store.interface import SiteStore
from engage_server.store.interface.shared_files import SharedDraft, SharedReport, UploadKey

KINDS = {DATABASE: "database", CONFIGURATION: "configuration"}
FILES = {kind: name for name, kind in KINDS.items()}
PAGE_BYTES = 8 * 1024 * 1024  # of uploads at a time
_DIGEST = re.compile("[0-9a-f]{32}")


def is_shared(store: SiteStore, site: str) -> bool:
    """Whether a site's call-ins are answered from shared files.

    Raises:
        NotFound: There is no such site.
    """
    return store.site(site).call_in.way is CallInWay.SHARED


def rank_of(version: str) -> str:
    """A version of a database as a text that compares as versions do. "" if it is none."""
    number = version_of(version)
    return "" if number is None else f"0x{number:016X}"


def rank_in(content: bytes | None) -> str:
    """The rank of a database's content. "" if there is none, or none that can be read."""
    with suppress(BodyInvalid):
        value = read_json(content or b"", FILE_DEPTH)
        return rank_of(str(value.get("nxtDbVerTS", ""))) if isinstance(value, dict) else ""
    return ""


def file_bytes(value: Json) -> bytes:
    """A file's bytes, as a device's folder has them."""
    return write_json(value) + b"\n"


def draft_of(name: str, content: bytes) -> SharedDraft:
    """The draft of a file with this name in a device's folder."""
    return SharedDraft(KINDS[name], rank_in(content) if name == DATABASE else "", content)


def digest_of(content: bytes) -> str:
    """The digest that a row has for this content."""
    return hashlib.sha256(content).hexdigest()


def given_report(serial: str, given: GivenDatabase) -> SharedReport:
    """The row of a device's last call for a database."""
    return SharedReport(serial, "given", given.at, rank_of(given.version), write_json(written_given(given)))


def parameters_report(serial: str, value: Mapping[str, Any]) -> SharedReport | None:
    """The row of a device's parameters, from the content of its file. None if that is not of this program."""
    with suppress(KeyError, ValueError):
        at = datetime.strptime(str(value["receivedAt"]), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        return SharedReport(serial, "parameters", at, "", file_bytes(dict(value)))
    return None


def key_of(serial: str, collection: str, entry: Entry) -> UploadKey:
    """What identifies an entry. An imported one may have a digest of another form."""
    digest = str(entry["digest"])
    if not _DIGEST.fullmatch(digest):
        digest = upload_digest(entry["upload"], str(entry.get("call", "")))
    return UploadKey(serial, collection, digest)


def imported_rows(serial: str, collection: str, entries: list[Entry]) -> dict[UploadKey, bytes]:
    """The rows of entries from files. Their identifiers are of the journal of one host."""
    return {
        key_of(serial, collection, entry): write_json({name: each for name, each in entry.items() if name != "id"})
        for entry in entries
    }
