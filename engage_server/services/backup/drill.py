"""The drill: holds a restored backup against its manifest, and against what a live host gives."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from engage_server.errors import EngageError
from engage_server.protocol.site_key import anchor_hash, hashes_equal
from engage_server.records import AuditHead
from engage_server.services.backup.archive.manifest import Manifest
from engage_server.services.backup.live_host import LiveHost, LiveSite, difference_in_time
from engage_server.services.backup.secret_trial import OpenLinkSecret, SealedStore, SecretTrial
from engage_server.services.backup.served import ServedBytes, differences, served_bytes
from engage_server.services.distribution.snapshot import ServedStore, take_snapshot
from engage_server.store.interface import AuditStore


class RestoredStore(SealedStore, ServedStore, AuditStore, Protocol):
    """A store that was filled from a backup."""


@dataclass(frozen=True, slots=True)
class RestoredBackup:
    """A backup that was filled into a throw-away database.

    Attributes:
        manifest: Its manifest.
        store: The store, which can open every secret.
        head: The last row of the audit log as it is in the archive.
        schema: The version of the tables to which they were upgraded.
        open_link_secret: Opens what is sealed under the key of the links. None: that key was not given.
    """

    manifest: Manifest
    store: RestoredStore
    head: AuditHead
    schema: str
    open_link_secret: OpenLinkSecret | None = None


@dataclass(frozen=True, slots=True)
class DrillReport:
    """What a drill found.

    Attributes:
        manifest: The manifest of the backup.
        faults: What is wrong with it, one sentence each. Empty: it can be restored.
        notes: What a reader should know, and is no fault.
        troubles: Why the live host could not be compared.
        secrets: How many sealed secrets opened, by their kind.
        entries: How many entries of the audit log were verified.
        same: The sites of which the live host gave exactly these bytes.
    """

    manifest: Manifest
    faults: Sequence[str]
    notes: Sequence[str]
    troubles: Sequence[str]
    secrets: Mapping[str, int]
    entries: int
    same: Sequence[str] = ()

    @property
    def is_good(self) -> bool:
        """Whether it can be restored, and then gives devices what it gave them when it was made."""
        return not self.faults


@dataclass(slots=True)
class _Findings:
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)


def drill(restored: RestoredBackup, live: LiveHost | None = None) -> DrillReport:
    """Do what a restored installation must be able to do, short of listening.

    Args:
        restored: The restored backup.
        live: The host to compare with. None: none.

    Raises:
        StoreNotUsable: The throw-away database does not answer.
    """
    manifest, found = restored.manifest, _Findings()
    trial = SecretTrial(restored.store, restored.open_link_secret)
    trial.run()
    found.faults += trial.faults
    if trial.unopened:
        found.notes.append(
            f"secrets of {trial.unopened} devices on links were not opened: their key was not given (--links-key-file)"
        )
    if manifest.schema != restored.schema:
        found.notes.append(f"its tables are of version {manifest.schema}: they were upgraded to {restored.schema}")
    entries = _audit_log(restored, found)
    served = _served(restored, found)
    found.faults += differences(manifest.sites, [each.digests for each in served])
    found.faults += _wrong_hashes(restored.store, served)
    if live is not None:
        for each in live.look_at(served):
            _add_live(each, found)
    return DrillReport(manifest, found.faults, found.notes, found.troubles, trial.opened, entries, found.same)


def _audit_log(restored: RestoredBackup, found: _Findings) -> int:
    """Verify every entry, and that the log ends where the manifest says. Return how many there are."""
    verdict = restored.store.audit_verdict()
    found.faults += (f"the audit log: {fault}" for fault in verdict.faults)
    wanted = restored.manifest.audit_head
    if restored.head != wanted:
        found.faults.append(
            f"the audit log ends with entry {restored.head.number}, and the manifest says {wanted.number}: "
            "it was cut, or its end was changed"
        )
    return verdict.entries


def _served(restored: RestoredBackup, found: _Findings) -> list[ServedBytes]:
    """What the serving code makes of the restored store. Nothing, if it cannot serve it."""
    store, port = restored.store, restored.manifest.cert_url_port
    try:
        return served_bytes(take_snapshot(store, port, with_private_keys=True, with_devices=False))
    except EngageError as error:
        found.faults.append(f"the servers could not serve it: {error.sentence}")
        return []


def _wrong_hashes(store: RestoredStore, served: Sequence[ServedBytes]) -> Iterator[str]:
    """Compute each hash with the site key, as a door does before it accepts the anchor."""
    for each in served:
        try:
            is_right = hashes_equal(anchor_hash(store.site_key(each.site), each.der), each.hash)
        except EngageError:  # the trial of the secrets says why
            continue
        if not is_right:
            yield f"{each.site}: the hash in its notice was not made with its site key: doors would refuse the anchor"


def _add_live(each: LiveSite, found: _Findings) -> None:
    if each.trouble:
        found.troubles.append(f"{each.site}: the live host could not be asked: {each.trouble}")
    elif not each.differing:
        found.same.append(each.site)
    elif each.is_of_same_key:
        found.notes.append(f"{each.site}: {difference_in_time(each)}")
    else:
        found.faults.append(
            f"{each.site}: the live host's notice was not made with the site key in this backup: its doors would "
            f"refuse the restored host. Different: {', '.join(each.differing)}"
        )
