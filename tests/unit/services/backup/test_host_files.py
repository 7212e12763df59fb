"""Which files of a host go into a backup, and which never do."""

import base64
import os
from pathlib import Path

import pytest

from engage_server.errors import FileNotUsable, NotPossible
from engage_server.file_locks import locked
from engage_server.services.backup.archive.manifest import AuthorityKeys
from engage_server.services.backup.archive.names import Order
from engage_server.services.backup.archive.tar_blocks import packed
from engage_server.services.backup.host_files import HostFiles
from tests.support.world import serial_of

_PLAIN = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
_LOCKED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"


def put(path: Path, content: bytes = b"{}") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def names_of(files: HostFiles) -> list[str]:
    members = list(files.members())
    order = Order()
    order.follow("format.json")
    for name, _ in members:
        order.follow(name)  # it is the order of an archive
    return [name for name, _ in members]


def test_devices_journals_and_uploads_of_all_sites_in_order(tmp_path: Path) -> None:
    data, uploads = tmp_path / "data", tmp_path / "data" / "spool" / "upstream"
    for site in ("a", "a-b", "a.b"):
        put(data / site / serial_of(1) / "audits.json")
        put(data / site / serial_of(1) / "earlier" / "0x1.json")
        put(data / site / ".uploads" / "000000000000.0123abcd.uploads")
        put(uploads / site / "pending" / f"{serial_of(1)}~0000000001.json")
    put(data / "a" / "notes.txt")  # no device's: not ours
    put(data / "metrics" / "http" / "1.json")
    names = names_of(HostFiles(data, uploads, {"engage.toml": b""}))
    assert len(names) == 3 * 4 + 1
    assert [name.split("/")[1] for name in names if name.startswith("journals/")] == ["a", "a-b", "a.b"]
    assert not [name for name in names if "notes" in name or "metrics" in name]


def test_what_a_process_writes_just_now_is_left_out(tmp_path: Path) -> None:
    put(tmp_path / "main" / serial_of(1) / ".audits.json.0123abcd")
    put(tmp_path / "main" / serial_of(1) / "audits.json")
    assert names_of(HostFiles(tmp_path, tmp_path / "u", {})) == [f"devices/main/{serial_of(1)}/audits.json"]


def test_keys_are_left_out_also_under_another_name(tmp_path: Path) -> None:
    key = put(tmp_path / "certs" / "engage.kek", b"key")
    os.link(key, tmp_path / "certs" / "copy-of-it")
    put(tmp_path / "certs" / "main" / "partner_CA.pem")
    (tmp_path / "certs" / "link").symlink_to(key)
    names = names_of(HostFiles(tmp_path / "data", tmp_path / "u", {}, tmp_path / "certs", [key]))
    assert names == ["authority/main/partner_CA.pem"]


@pytest.mark.parametrize(
    ("content", "wanted"),
    [(_PLAIN, AuthorityKeys.PLAIN), (_LOCKED, AuthorityKeys.ENCRYPTED), (None, AuthorityKeys.NONE)],
)
def test_it_says_how_the_authority_s_keys_rest(content: bytes | None, wanted: AuthorityKeys, tmp_path: Path) -> None:
    if content is not None:
        put(tmp_path / "certs" / "partner_CA.key", content)
    folder = tmp_path / "certs" if content is not None else None
    assert HostFiles(tmp_path / "data", tmp_path / "u", {}, folder).authority_keys() is wanted


def test_a_device_s_folder_is_read_under_its_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = put(tmp_path / "main" / serial_of(1) / "audits.json").parent
    monkeypatch.setattr("engage_server.services.backup.host_files.OPERATOR_SECONDS", 0.05)
    files = HostFiles(tmp_path, tmp_path / "u", {})
    with locked(folder), pytest.raises(NotPossible, match="in use by another process"):
        list(files.members())
    for _ in files.members():
        with locked(folder, 0.05):  # it is free again while the archive is written
            pass


def test_names_and_sizes_that_no_archive_can_hold_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = put(tmp_path / "certs" / ("d" * 150) / ("f" * 150))
    files = HostFiles(tmp_path / "data", tmp_path / "u", {}, tmp_path / "certs")
    with pytest.raises(NotPossible, match="its name cannot be in a backup"):
        list(files.members())
    long.unlink()
    put(tmp_path / "certs" / "large", b"x" * 20)
    monkeypatch.setattr("engage_server.services.backup.host_files.MOST_BYTES", 10)
    with pytest.raises(NotPossible, match="more than"):
        list(files.members())


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    pipe = tmp_path / "certs" / "pipe"
    pipe.parent.mkdir()
    os.mkfifo(pipe)
    files = HostFiles(tmp_path / "data", tmp_path / "u", {}, tmp_path / "certs")
    assert not list(files.members())  # what is no plain file is no file of ours
    assert isinstance(FileNotUsable("x"), NotPossible)


def test_long_names_fit_into_the_header(tmp_path: Path) -> None:
    name = f"authority/{'d' * 120}/{'f' * 90}.pem"
    assert b"".join(packed([(name, b"x")], 0))


def test_no_file_that_holds_only_a_key_goes_into_a_backup(tmp_path: Path) -> None:
    """While the key-encryption key is changed, both lie beside each other; and people keep copies. Chains do go in."""
    folder = tmp_path / "certs"
    folder.mkdir()
    key = base64.b64encode(b"k" * 32)
    for name, content in {
        "engage.kek.old": key + b"\n",
        "engage.kek.new": key,
        "copy of the key.txt": b"\n  " + key + b"\r\n",
        "release.key": b"engage-release-key:" + key + b"\n",
        "notes.txt": b"the key is " + b"elsewhere",
        "partner_CA.pem": b"-----BEGIN CERTIFICATE-----\n" + key + b"\n-----END CERTIFICATE-----\n",
    }.items():
        (folder / name).write_bytes(content)
    files = HostFiles(tmp_path / "data", tmp_path / "uploads", {}, folder)
    assert [name for name, _ in files.members()] == ["authority/notes.txt", "authority/partner_CA.pem"]
