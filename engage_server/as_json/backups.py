"""Backups: one that was made, one that was verified, and how old the newest good one is."""

from collections.abc import Mapping, Sequence

from engage_server.as_json.formats import Instant, Shape
from engage_server.records import AuditHead, BackupRun, BackupStep
from engage_server.services.backup.archive.manifest import Manifest
from engage_server.services.backup.creation import CreatedBackup
from engage_server.services.backup.drill import DrillReport
from engage_server.services.backup.nights.standing import BackupStanding
from engage_server.services.backup.recovery.aftermath import Aftermath


class BackupRunJson(Shape):
    """A backup that was made, or a drill."""

    at: Instant
    """When it ended."""
    file: str
    """The name of the backup, without its folder."""
    host: str
    """The host that did it."""
    seconds: float
    """How long it took."""
    audit_head: str
    """The end of the audit log inside, for ``--expect``."""


class BackupStandingJson(Shape):
    """How old the newest good backup and drill are."""

    nightly: bool
    """Whether the settings ask for a backup and a drill every night."""
    last_good_backup: BackupRunJson | None
    """The newest backup that was made. Null: there is none."""
    last_good_drill: BackupRunJson | None
    """The newest drill that found everything whole. Null: there is none."""
    overdue: list[str]
    """``created`` or ``drilled`` if it is configured and has not succeeded for more than 26 hours."""
    faults: list[str]
    """What is overdue, and why the last run failed, in words."""
    needs_attention: bool
    """Whether somebody should act today."""


class ServedDigestsJson(Shape):
    """What one site gives to devices, as SHA-256 in hexadecimal."""

    site: str
    """The name of the site."""
    release: int
    """The number of its current release."""
    notices: dict[str, str]
    """The digest of the notice for each of its hosts."""
    der: str
    """The digest of the trust anchor."""
    chain: str
    """The digest of the certificates that TLS sends, as DER, one after another."""


class ManifestJson(Shape):
    """What is inside a backup."""

    product: str
    """The version of the program that made it."""
    made_at: Instant
    """When it was made."""
    host: str
    """The host that made it. Devices' files are of this host alone."""
    schema: str
    """The version of the tables."""
    audit_head: str
    """The end of the audit log, for ``--expect``."""
    authority: str
    """``none``, or how the authority's private keys are inside: ``encrypted`` or ``plain``."""
    rows: int
    """The number of rows of all tables."""
    files: int
    """The number of files: of devices, waiting uploads, settings, the authority."""
    sites: list[ServedDigestsJson]
    """What is served."""


class CreatedBackupJson(Shape):
    """A backup that was made."""

    file: str
    """Its path."""
    bytes: int
    """Its size."""
    manifest: ManifestJson
    """What is inside."""


class DrillJson(Shape):
    """What a drill found."""

    file: str
    """The path of the backup."""
    good: bool
    """Whether it can be restored, and then gives devices the same bytes."""
    faults: list[str]
    """What is wrong with it."""
    notes: list[str]
    """What a reader should know, and is no fault."""
    troubles: list[str]
    """Why the live host could not be compared."""
    secrets: dict[str, int]
    """How many sealed secrets opened, by their kind."""
    audit_entries: int
    """How many entries of the audit log were verified."""
    same_as_live: list[str]
    """The sites of which the live host gave exactly the same bytes."""
    manifest: ManifestJson | None
    """What is inside. Null: it could not be read so far."""


class RestoredBackupJson(Shape):
    """A backup that was restored for use."""

    file: str
    """Its path."""
    audit_head: str
    """The entry of the audit log that records the restore."""
    files: dict[str, int]
    """How many files came back, by their kind."""
    alerts_given_up: int
    """Alerts that waited when the backup was made. They are not sent."""
    messages_cancelled: int
    """Messages to devices that waited when the backup was made."""
    rotations_paused: int
    """Rotations that were under way when the backup was made."""
    upgraded_from: str | None
    """The version of the tables in the backup. Null: that of this program."""
    manifest: ManifestJson
    """What is inside."""


class CopiedStoreJson(Shape):
    """A database that was copied."""

    to: str
    """The database that was filled, without a password."""
    rows: dict[str, int]
    """The number of rows of each table, counted in the copy."""
    audit_head: str
    """The end of the audit log, the same in both databases."""
    while_serving: bool
    """Whether somebody wrote to the first database meanwhile. What they wrote is not in the copy."""


def created_backup_json(made: CreatedBackup) -> CreatedBackupJson:
    """A backup that was made."""
    return {"file": str(made.path), "bytes": made.bytes, "manifest": manifest_json(made.manifest)}


def drill_json(file: str, report: DrillReport) -> DrillJson:
    """What a drill found.

    Args:
        file: The path of the backup.
        report: What was found.
    """
    return {
        "file": file,
        "good": report.is_good,
        "faults": list(report.faults),
        "notes": list(report.notes),
        "troubles": list(report.troubles),
        "secrets": dict(report.secrets),
        "audit_entries": report.entries,
        "same_as_live": list(report.same),
        "manifest": manifest_json(report.manifest),
    }


def damaged_backup_json(file: str, faults: Sequence[str]) -> DrillJson:
    """A backup that could not be restored.

    Args:
        file: Its path.
        faults: Why.
    """
    return {
        "file": file,
        "good": False,
        "faults": list(faults),
        "notes": [],
        "troubles": [],
        "secrets": {},
        "audit_entries": 0,
        "same_as_live": [],
        "manifest": None,
    }


def restored_backup_json(
    file: str,
    manifest: Manifest,
    head: AuditHead,
    files: Mapping[str, int],
    aftermath: Aftermath,
    upgraded_from: str | None,
) -> RestoredBackupJson:
    """A backup that was restored for use.

    Args:
        file: Its path.
        manifest: What was inside.
        head: The entry of the audit log that records the restore.
        files: How many files of each kind came back.
        aftermath: What did not come back as it was.
        upgraded_from: The version of its tables, if it was an older one.
    """
    return {
        "file": file,
        "audit_head": str(head),
        "files": {str(kind): count for kind, count in files.items()},
        "alerts_given_up": aftermath.alerts,
        "messages_cancelled": aftermath.downlinks,
        "rotations_paused": aftermath.rotations,
        "upgraded_from": upgraded_from,
        "manifest": manifest_json(manifest),
    }


def copied_store_json(to: str, rows: Mapping[str, int], head: AuditHead, *, was_serving: bool) -> CopiedStoreJson:
    """A database that was copied.

    Args:
        to: The database that was filled, without a password.
        rows: The number of rows of each table.
        head: The end of the audit log.
        was_serving: Whether somebody wrote to the first database meanwhile.
    """
    return {"to": to, "rows": dict(rows), "audit_head": str(head), "while_serving": was_serving}


def manifest_json(manifest: Manifest) -> ManifestJson:
    """What is inside a backup."""
    return {
        "product": manifest.product,
        "made_at": manifest.made_at.isoformat(),
        "host": manifest.host,
        "schema": manifest.schema,
        "audit_head": str(manifest.audit_head),
        "authority": str(manifest.authority),
        "rows": sum(manifest.rows.values()),
        "files": manifest.files,
        "sites": [
            {
                "site": each.site,
                "release": each.release,
                "notices": dict(each.notices),
                "der": each.der,
                "chain": each.chain,
            }
            for each in manifest.sites
        ],
    }


def backup_standing_json(standing: BackupStanding) -> BackupStandingJson:
    """How old the newest good backup and drill are."""
    made, drilled = standing.last_good(BackupStep.CREATED), standing.last_good(BackupStep.DRILLED)
    return {
        "nightly": standing.is_nightly,
        "last_good_backup": _run_json(made) if made else None,
        "last_good_drill": _run_json(drilled) if drilled else None,
        "overdue": [step.value for step in BackupStep if standing.is_overdue(step)],
        "faults": standing.faults,
        "needs_attention": standing.needs_attention,
    }


def _run_json(run: BackupRun) -> BackupRunJson:
    return {
        "at": run.at.isoformat(),
        "file": run.file,
        "host": run.host,
        "seconds": round(run.seconds, 1),
        "audit_head": run.audit_head,
    }
