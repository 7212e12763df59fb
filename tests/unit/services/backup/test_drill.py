"""The drill with a backup that is whole, and with those that only a restore can find out to be damaged."""

import base64
import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engage_server.composition.backups.restoring import DrillKeys, drilled
from engage_server.errors import ContentNotUsable, NotPossible, Refused, StoreVersionMismatch
from engage_server.records import AuditHead, Secret
from engage_server.services.backup.archive.manifest import AuthorityKeys, Manifest, read_manifest
from engage_server.services.backup.archive.names import CODE, MANIFEST
from engage_server.services.backup.archive.reading import open_archive
from engage_server.store import schema
from engage_server.store.keys.key_encryption_key import KeyEncryptionKey
from engage_server.store.sealing import LinkSealer
from engage_server.store.tables import metadata
from tests.support.backups import Members, archive_bytes, listed, members_of, together, verified
from tests.support.databases import KEK
from tests.support.older_tables import columns_at

_SITES, _RELEASES = "tables/sites/000001.jsonl", "tables/releases/000001.jsonl"
_AUDIT, _INSTALLATION = "tables/audit_events/000001.jsonl", "tables/installation/000001.jsonl"
Row = dict[str, Any]


@pytest.fixture(scope="module")
def members() -> Members:
    return members_of(archive_bytes())


def rows_of(members: Members, name: str) -> list[Row]:
    return [json.loads(line) for line in dict(members)[name].splitlines()]


def with_rows(members: Members, name: str, rows: list[Row]) -> Members:
    content = b"".join(json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in rows)
    return [(each, content if each == name else old) for each, old in members]


def faults_of(content: bytes, folder: Path) -> list[str]:
    """What the drill finds, and that it leaves nothing behind."""
    (folder / "b.tar.gz").write_bytes(content)
    report = verified(folder / "b.tar.gz", folder)
    assert [each.name for each in folder.iterdir()] == ["b.tar.gz"]
    return list(report.faults)


def test_a_whole_backup_is_good(tmp_path: Path) -> None:
    (tmp_path / "b.tar.gz").write_bytes(archive_bytes())
    report = verified(tmp_path / "b.tar.gz", tmp_path)
    assert report.is_good
    assert report.secrets == {
        "site keys": 2,
        "private keys of releases": 3,
        "secrets of alerts' recipients": 1,
        "secrets of devices on links": 1,
    }
    assert report.entries == report.manifest.audit_head.number
    assert [(each.site, each.release) for each in report.manifest.sites] == [("main", 2), ("north", 1)]
    assert report.manifest.authority is AuthorityKeys.PLAIN
    assert not report.notes
    assert [each.name for each in tmp_path.iterdir()] == ["b.tar.gz"]


def test_every_sealed_column_is_tried() -> None:
    """Whoever adds a sealed column adds it to the trial, and here."""
    sealed = {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if column.name.endswith(("_sealed", "seal_probe"))
    }
    assert sealed == {
        "sites.site_key_sealed",
        "releases.private_key_sealed",
        "alert_recipients.secret_sealed",
        "kpn_devices.secret_sealed",
        "shared_files.content_sealed",
        "shared_uploads.content_sealed",
        "shared_reports.content_sealed",
        "installation.seal_probe",  # both are opened when the store is
        "installation.release_seal_probe",
    }


def test_without_the_key_of_the_links_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "b.tar.gz").write_bytes(archive_bytes())
    report = verified(tmp_path / "b.tar.gz", tmp_path, None)
    assert report.is_good
    assert "secrets of 1 devices on links were not opened" in report.notes[0]
    other = verified(tmp_path / "b.tar.gz", tmp_path, LinkSealer(Secret(b"o" * 32)))
    assert "sealed with another key" in other.faults[0]


def test_a_foreign_key_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "b.tar.gz").write_bytes(archive_bytes())
    with pytest.raises(Refused, match="made with another key-encryption key") as refused:
        drilled(tmp_path / "b.tar.gz", DrillKeys(KeyEncryptionKey(Secret(b"o" * 32))), tmp_path, 0)
    assert "--kek-file" in refused.value.next_step
    assert [each.name for each in tmp_path.iterdir()] == ["b.tar.gz"]


def _exchanged(rows: list[Row], column: str, one: int, other: int) -> list[Row]:
    rows[one][column], rows[other][column] = rows[other][column], rows[one][column]
    return rows


def _bit(text: str) -> str:
    content = bytearray(base64.b64decode(text))
    content[-1] ^= 1
    return base64.b64encode(content).decode()


def _releases_swapped(all_: Members) -> bytes:
    return listed(with_rows(all_, _RELEASES, _exchanged(rows_of(all_, _RELEASES), "private_key_sealed", 0, 1)))


def _sites_swapped(all_: Members) -> bytes:
    return listed(with_rows(all_, _SITES, _exchanged(rows_of(all_, _SITES), "site_key_sealed", 0, 1)))


def _sealed_bit(all_: Members) -> bytes:
    rows = rows_of(all_, _RELEASES)
    rows[0]["private_key_sealed"] = _bit(rows[0]["private_key_sealed"])
    return listed(with_rows(all_, _RELEASES, rows))


def _chain_of_another(all_: Members) -> bytes:
    return listed(with_rows(all_, _RELEASES, _exchanged(rows_of(all_, _RELEASES), "chain_der", 0, 1)))


def _hash_of_another(all_: Members) -> bytes:
    rows = rows_of(all_, _RELEASES)
    rows[1]["anchor_hash"] = rows[0]["anchor_hash"]
    return listed(with_rows(all_, _RELEASES, rows))


def _end_cut(all_: Members) -> bytes:
    rows = rows_of(all_, _AUDIT)[:-2]
    return listed(with_rows(all_, _AUDIT, rows))


def _end_cut_and_said(all_: Members) -> bytes:
    rows = rows_of(all_, _AUDIT)[:-2]
    head = AuditHead(rows[-1]["id"], rows[-1]["hash"])
    return listed(with_rows(all_, _AUDIT, rows), lambda manifest: dataclasses.replace(manifest, audit_head=head))


def _middle_gone(all_: Members) -> bytes:
    rows = rows_of(all_, _AUDIT)
    return listed(with_rows(all_, _AUDIT, [*rows[:2], *rows[3:]]))


def _entry_changed(all_: Members) -> bytes:
    rows = rows_of(all_, _AUDIT)
    rows[1]["actor"] = "nobody"
    return listed(with_rows(all_, _AUDIT, rows))


def _host_changed(all_: Members) -> bytes:
    name = "tables/site_hosts/000001.jsonl"
    rows = rows_of(all_, name)
    for row in rows:
        row.update({key: "south.example.org" for key, value in row.items() if value == "north.example.org"})
    return listed(with_rows(all_, name, rows))


_BY_WHO_HAS_THE_KEY: dict[str, tuple[Callable[[Members], bytes], str]] = {
    "private keys of two releases swapped": (_releases_swapped, "private key of release 1 of main"),
    "keys of two sites swapped": (_sites_swapped, "main"),
    "a bit of a sealed key": (_sealed_bit, "the sealed value was changed"),
    "chains of two releases swapped": (_chain_of_another, "does not belong to its certificate"),
    "a hash of another release": (_hash_of_another, "the hash in its notice was not made with its site key"),
    "the audit log cut": (_end_cut, "it was cut"),
    "the audit log and the manifest cut": (_end_cut_and_said, "the log does not end where it ended"),
    "an entry of the audit log gone": (_middle_gone, "at least one was removed"),
    "an entry of the audit log changed": (_entry_changed, "entry 2 was changed"),
    "another host name": (_host_changed, "north: the notice for"),
}


@pytest.mark.parametrize("case", _BY_WHO_HAS_THE_KEY)
def test_what_only_a_restore_can_find(case: str, members: Members, tmp_path: Path) -> None:
    damage, wanted = _BY_WHO_HAS_THE_KEY[case]
    faults = faults_of(damage(members), tmp_path)
    assert any(wanted in fault for fault in faults), faults


def test_nothing_is_found_in_one_that_was_only_put_together_again(members: Members, tmp_path: Path) -> None:
    """The control of the cases above."""
    assert faults_of(listed(members), tmp_path) == []


def test_a_manifest_that_was_edited_is_found_by_its_code(members: Members, tmp_path: Path) -> None:
    """All digests are right: only who has the key can make the code."""
    edited = members_of(listed(members, lambda manifest: dataclasses.replace(manifest, host="elsewhere")))
    content = together([(name, dict(members)[CODE] if name == CODE else old) for name, old in edited])
    (tmp_path / "b.tar.gz").write_bytes(content)
    with pytest.raises(Refused, match="it was edited"):
        verified(tmp_path / "b.tar.gz", tmp_path)
    flipped = [(name, old[:-2] + b"x\n" if name == CODE else old) for name, old in members]
    (tmp_path / "b.tar.gz").write_bytes(together(flipped))
    with pytest.raises(Refused, match="it was edited"):
        verified(tmp_path / "b.tar.gz", tmp_path)
    assert dict(edited)[MANIFEST] != dict(members)[MANIFEST]


def _with_schema(version: str) -> Callable[[Manifest], Manifest]:
    return lambda manifest: dataclasses.replace(manifest, schema=version)


_OLDER = "0026"  # the first version whose backups open with a key


def test_an_archive_of_an_older_version_is_upgraded_for_the_drill(members: Members, tmp_path: Path) -> None:
    known = columns_at(_OLDER)

    def older(name: str, content: bytes) -> bytes:
        if not name.startswith("tables/"):
            return content
        rows = map(json.loads, content.splitlines())
        kept = [{column: row[column] for column in sorted(known[name.split("/")[1]])} for row in rows]
        return b"".join(json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in kept)

    kept = [(n, older(n, c)) for n, c in members if not n.startswith("tables/") or n.split("/")[1] in known]
    rows = {name for name in read_manifest(dict(members)[MANIFEST]).rows if name in known}

    def change(manifest: Manifest) -> Manifest:
        return dataclasses.replace(manifest, schema=_OLDER, rows={name: manifest.rows[name] for name in rows})

    (tmp_path / "b.tar.gz").write_bytes(listed(kept, change))
    report = verified(tmp_path / "b.tar.gz", tmp_path)
    assert (report.is_good, report.faults) == (True, [])
    assert report.notes[0] == f"its tables are of version {_OLDER}: they were upgraded to {schema.REVISIONS[-1]}"
    assert report.entries >= report.manifest.audit_head.number


def test_tables_of_a_newer_version_are_refused(members: Members, tmp_path: Path) -> None:
    (tmp_path / "b.tar.gz").write_bytes(listed(members, _with_schema("9999")))
    with pytest.raises(StoreVersionMismatch, match="newer version"):
        verified(tmp_path / "b.tar.gz", tmp_path)


def test_rows_that_are_no_rows_name_their_table(members: Members, tmp_path: Path) -> None:
    broken = [(name, b"{}\n" if name == _SITES else content) for name, content in members]
    (tmp_path / "b.tar.gz").write_bytes(listed(broken))
    with pytest.raises((ContentNotUsable, Refused), match="sites"):
        verified(tmp_path / "b.tar.gz", tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["b.tar.gz"]


def test_the_throw_away_folder_is_for_the_owner_alone_and_that_of_a_killed_drill_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "b.tar.gz").write_bytes(archive_bytes())
    left, young = tmp_path / ".engage-drill-left", tmp_path / ".engage-drill-young"
    left.mkdir()
    young.mkdir()
    (left / "drill.db").write_bytes(b"x")
    os.utime(left, (1, 1))
    modes: list[int] = []
    upgrade = schema.upgrade

    def watched(*arguments: Any) -> Any:
        modes.extend(path.stat().st_mode & 0o777 for path in tmp_path.glob(".engage-drill-*") if path != young)
        return upgrade(*arguments)

    monkeypatch.setattr(schema, "upgrade", watched)
    assert verified(tmp_path / "b.tar.gz", tmp_path).is_good
    assert modes == [0o700]
    assert sorted(each.name for each in tmp_path.iterdir()) == [".engage-drill-young", "b.tar.gz"]


def test_a_drill_leaves_the_reserve_of_the_disk_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "b.tar.gz").write_bytes(archive_bytes())
    found = os.statvfs(tmp_path)
    full = os.statvfs_result((found.f_bsize, 1, 1000, 100, 100, *found[5:]))
    monkeypatch.setattr(os, "statvfs", lambda path: full)
    with pytest.raises(NotPossible, match="throw-away database"):
        drilled(tmp_path / "b.tar.gz", DrillKeys(KEK), tmp_path, 256)
    assert [each.name for each in tmp_path.iterdir()] == ["b.tar.gz"]


def test_the_manifest_says_what_the_archive_holds() -> None:
    assert set(dict(members_of(archive_bytes()))) >= {_SITES, _RELEASES, _AUDIT, _INSTALLATION}


def test_an_open_archive_names_its_rows_and_files(tmp_path: Path) -> None:
    (tmp_path / "b.tar.gz").write_bytes(archive_bytes())
    archive = open_archive(tmp_path / "b.tar.gz")
    counts = {table: sum(1 for _ in rows) for table, rows in archive.tables()}
    assert counts == archive.manifest.rows
    assert len(list(archive.files())) == archive.manifest.files
