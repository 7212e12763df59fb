"""Damage to an archive that is found while it is read: each kind by its member and a plain sentence."""

import gzip
import random
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from engage_server.errors import EngageError, FileNotUsable, Refused
from engage_server.services.backup.archive.names import CODE, FORMAT, MANIFEST, MOST_BYTES
from engage_server.services.backup.archive.reading import open_archive
from tests.support.backups import Members, archive_bytes, listed, members_of, together
from tests.support.lengths import examples

_SITES, _AUDIT = "tables/sites/000001.jsonl", "tables/audit_events/000001.jsonl"
_DIGESTS = "digests/000001.txt"


@pytest.fixture(scope="module")
def members() -> Members:
    return members_of(archive_bytes())


def refusal_of(content: bytes, folder: Path) -> str:
    """What is said of an archive with this content."""
    (folder / "b.tar.gz").write_bytes(content)
    with pytest.raises((Refused, FileNotUsable)) as refused:
        open_archive(folder / "b.tar.gz")
    return refused.value.sentence


def place_of(members: Members, begin: str) -> int:
    return next(place for place, (name, _) in enumerate(members) if name.startswith(begin))


def flipped(members: Members, begin: str) -> tuple[Members, str]:
    """One bit of a member is another one."""
    place = place_of(members, begin)
    name, content = members[place]
    middle = len(content) // 2
    changed = content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]
    return [*members[:place], (name, changed), *members[place + 1 :]], name


def without(members: Members, name: str) -> Members:
    return [each for each in members if each[0] != name]


def replaced(members: Members, name: str, content: bytes) -> Members:
    return [(each, content if each == name else before) for each, before in members]


def swapped(members: Members, one: str, other: str) -> Members:
    first, second = place_of(members, one), place_of(members, other)
    changed = list(members)
    changed[first], changed[second] = changed[second], changed[first]
    return changed


def inserted(members: Members, name: str, before: str, content: bytes = b"x") -> Members:
    place = place_of(members, before)
    return [*members[:place], (name, content), *members[place:]]


def raw_tar(*headers: tarfile.TarInfo) -> bytes:
    """An archive that begins like ours, and goes on with members that only another program writes."""
    out = BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.USTAR_FORMAT) as archive:
        first = tarfile.TarInfo(FORMAT)
        content = dict(members_of(archive_bytes()))[FORMAT]
        first.size = len(content)
        archive.addfile(first, BytesIO(content))
        for header in headers:
            archive.addfile(header, BytesIO(b"x" * min(header.size, 10)) if header.isreg() else None)
    return out.getvalue()


def header(name: str, kind: bytes = tarfile.REGTYPE, size: int = 1) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.size, found.linkname = kind, size if kind == tarfile.REGTYPE else 0, "/etc/passwd"
    return found


def test_an_archive_without_damage_is_read(members: Members, tmp_path: Path) -> None:
    """The control of all the others: also one that was taken apart and put together."""
    for content in (archive_bytes(), together(members), listed(members)):
        (tmp_path / "b.tar.gz").write_bytes(content)
        archive = open_archive(tmp_path / "b.tar.gz")
        assert archive.manifest.rows["sites"] == 2
        assert sum(1 for _ in archive.rows("releases")) == 3
        names = [each.name for each in archive.files()]
        assert [name.split("/")[0] for name in names if "partner" not in name] == [
            "devices",
            "devices",
            "journals",
            "uploads",
            "settings",
        ]


@pytest.mark.parametrize(
    "begin",
    [
        "tables/sites",
        "tables/audit",
        "tables/installation",
        "devices/",
        "journals/",
        "uploads/",
        "settings/",
        "authority/",
    ],
)
def test_a_bit_that_flipped_is_found_in_each_kind_of_member(members: Members, begin: str, tmp_path: Path) -> None:
    changed, name = flipped(members, begin)
    assert refusal_of(together(changed), tmp_path) == f"the backup is damaged: {name}: its content was changed"


_CASES: dict[str, tuple[Callable[[Members], bytes], str]] = {
    "the format is another": (lambda all_: together(flipped(all_, FORMAT)[0]), FORMAT),
    "a digest is another": (lambda all_: together(flipped(all_, _DIGESTS)[0]), "digests: the list of digests was"),
    "the manifest is another": (lambda all_: together(flipped(all_, MANIFEST)[0]), MANIFEST),
    "no manifest": (lambda all_: together(without(all_, MANIFEST)), "manifest.json: it is missing"),
    "no code": (lambda all_: together(without(all_, CODE)), "manifest.hmac: it is missing"),
    "no list": (lambda all_: together(without(all_, _DIGESTS)), "digests"),
    "the format is endless": (
        lambda all_: together(replaced(all_, FORMAT, b'{"version": 1e999}')),
        FORMAT,
    ),
    "the format is very long": (lambda all_: together(replaced(all_, FORMAT, b" " * 5000 + b"{}")), FORMAT),
    "the manifest counts without end": (
        lambda all_: together(replaced(all_, MANIFEST, b'{"version": 1, "rows": {"a": 1e999}}')),
        MANIFEST,
    ),
    "the manifest is very long": (lambda all_: together(replaced(all_, MANIFEST, b" " * 9_000_000)), MANIFEST),
    "no format": (lambda all_: together(without(all_, FORMAT)), "begins with"),
    "a missing table": (lambda all_: together(without(all_, _SITES)), f"{_SITES}: it is missing"),
    "a missing file": (
        lambda all_: together(without(all_, "settings/engage.toml")),
        "settings/engage.toml: it is missing",
    ),
    "a missing table in an honest list": (lambda all_: listed(without(all_, _SITES)), "tables/sites: it has no rows"),
    "an added file": (
        lambda all_: together(inserted(all_, "uploads/main/x.json", "settings/")),
        "uploads/main/x.json: it is not in the list",
    ),
    "an added table": (
        lambda all_: together(inserted(all_, "tables/more/000001.jsonl", _SITES)),
        "tables/more/000001.jsonl: it is not in the list",
    ),
    "a member of no kind": (lambda all_: raw_tar(header("setup.sh")), "setup.sh: no backup has such a member"),
    "two sections swapped": (lambda all_: together(swapped(all_, "uploads/", "settings/")), "comes after"),
    "two devices swapped": (
        lambda all_: together(
            swapped(all_, all_[place_of(all_, "devices/")][0], all_[place_of(all_, "devices/") + 1][0])
        ),
        "comes after",
    ),
    "two contents swapped": (
        lambda all_: together([(name, dict(all_)[{_SITES: _AUDIT}.get(name, name)]) for name, _ in all_]),
        f"{_SITES}: its content was changed",
    ),
    "one name twice": (
        lambda all_: together(inserted(all_, "settings/engage.toml", "settings/engage.toml")),
        "settings/engage.toml: it is there twice",
    ),
    "a table twice": (
        lambda all_: together(inserted(all_, _AUDIT, "devices/")),
        f"{_AUDIT}: it comes after",
    ),
    "a part of a table without the one before": (
        lambda all_: together(inserted(all_, "tables/sites/000003.jsonl", "tables/spool_offsets")),
        "tables/sites/000003.jsonl: it comes after",
    ),
    "a row less in an honest list": (
        lambda all_: together(
            [
                (name, content.partition(b"\n")[2] if name == _AUDIT else content)
                for name, content in members_of(listed(all_))
            ]
        ),
        f"{_AUDIT}: its content was changed",
    ),
    "out of the folder": (lambda all_: raw_tar(header("../evil")), "../evil: its name leads out"),
    "out of a section": (lambda all_: raw_tar(header("devices/../../evil")), "its name leads out"),
    "an absolute name": (lambda all_: raw_tar(header("/etc/cron.d/evil")), "its name leads out"),
    "a name with a backslash": (lambda all_: raw_tar(header("devices\\..\\evil")), "its name leads out"),
    "an empty part": (lambda all_: raw_tar(header("devices//x")), "its name leads out"),
    "a symbolic link": (lambda all_: raw_tar(header("devices/main/x", tarfile.SYMTYPE)), "it is a link"),
    "a hard link": (lambda all_: raw_tar(header("devices/main/x", tarfile.LNKTYPE)), "it is a link"),
    "a device": (lambda all_: raw_tar(header("devices/main/x", tarfile.CHRTYPE)), "a device"),
    "a pipe": (lambda all_: raw_tar(header("devices/main/x", tarfile.FIFOTYPE)), "it is a link"),
    "a folder": (lambda all_: raw_tar(header("devices/main", tarfile.DIRTYPE)), "a folder"),
    "a long name's header": (lambda all_: raw_tar(header("devices/main/x", tarfile.GNUTYPE_LONGNAME)), "it is a link"),
    "a control character": (lambda all_: raw_tar(header("devices/main/\x1b[2J")), "its name is too long"),
    "more behind the end": (
        lambda all_: archive_bytes() + gzip.compress(b"more"),
        "something was added behind its end",
    ),
    "rubbish behind the end": (lambda all_: archive_bytes() + b"rubbish", "changed"),
    "no archive": (lambda all_: b"PK\x03\x04" + bytes(1000), "it is no gzip archive"),
    "gzip of no archive": (lambda all_: gzip.compress(b"hello" * 1000), "the archive was changed"),
    "an archive of nothing": (lambda all_: together([]), "manifest.json: it is missing"),
    "an empty file": (lambda all_: b"", "is empty"),
}


@pytest.mark.parametrize("case", _CASES)
def test_damage_is_named(case: str, members: Members, tmp_path: Path) -> None:
    damage, wanted = _CASES[case]
    sentence = refusal_of(damage(members), tmp_path)
    assert wanted in sentence
    assert "Traceback" not in sentence
    assert len(sentence) < 400


def test_a_gzip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """A member that says it has a terabyte is refused by its header; one that is large is never read in full."""
    begin = gzip.decompress(together([(FORMAT, dict(members_of(archive_bytes()))[FORMAT])]))[:1024]
    bomb = gzip.compress(begin + header("devices/main/x", size=MOST_BYTES + 1).tobuf() + bytes(1 << 20))
    assert f"devices/main/x: it has {MOST_BYTES + 1} bytes" in refusal_of(bomb, tmp_path)
    assert refusal_of(gzip.compress(bytes(50_000_000)), tmp_path)


def test_a_newer_format_is_no_damage(members: Members, tmp_path: Path) -> None:
    newer = [(name, b'{"format":"engage-server backup","version":2}' if name == FORMAT else c) for name, c in members]
    (tmp_path / "b.tar.gz").write_bytes(together(newer))
    with pytest.raises(Refused, match="newer version") as refused:
        open_archive(tmp_path / "b.tar.gz")
    assert refused.value.code == "backup.newer_format"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "gone"):
        with pytest.raises(FileNotUsable):
            open_archive(path)


def test_a_file_that_changes_between_two_readings_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    path.write_bytes(archive_bytes())
    archive = open_archive(path)
    path.write_bytes(archive_bytes() + b"x")
    with pytest.raises(Refused, match="was changed while it was read"):
        list(archive.files())


def test_an_archive_that_is_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    content = archive_bytes()
    chance = random.Random(22)  # noqa: S311  # a choice, no secret
    offsets = {1, 10, 18, len(content) - 1, len(content) - 8, len(content) - 9}
    offsets |= {chance.randrange(1, len(content)) for _ in range(examples(all=300, quick=60, campaign=2000))}
    for offset in sorted(offsets):
        assert refusal_of(content[:offset], tmp_path), offset


def test_no_flipped_bit_goes_unseen(tmp_path: Path) -> None:
    """Of the compressed bytes. A few bits mean nothing, such as those that fill up the last byte: all is the same."""
    content, chance = archive_bytes(), random.Random(23)  # noqa: S311  # a choice, no secret
    found = 0
    for _ in range(examples(all=500, quick=120, campaign=3000)):
        place, bit = chance.randrange(10, len(content)), 1 << chance.randrange(8)
        changed = bytearray(content)
        changed[place] ^= bit
        (tmp_path / "b.tar.gz").write_bytes(changed)
        try:
            open_archive(tmp_path / "b.tar.gz")
        except Refused:
            found += 1
        else:
            assert gzip.decompress(changed) == gzip.decompress(content), (place, bit)
    assert found > 100


def test_a_bit_of_what_is_not_compressed_away_is_named_with_its_member(members: Members, tmp_path: Path) -> None:
    """Its checksum comes at the end of the archive, but the digest says which member it was."""
    stored = gzip.compress(gzip.decompress(together(members)), compresslevel=0)
    place = stored.index(dict(members)[_SITES][:40])
    changed = bytearray(stored)
    changed[place + 5] ^= 1
    assert refusal_of(bytes(changed), tmp_path) == f"the backup is damaged: {_SITES}: its content was changed"
    changed[place + 5] ^= 1
    (tmp_path / "b.tar.gz").write_bytes(changed)
    open_archive(tmp_path / "b.tar.gz")  # the control


def test_garbage_never_raises_anything_but_our_errors(members: Members, tmp_path: Path) -> None:
    """Of the unpacked bytes: headers, names, sizes, padding."""
    content, chance = gzip.decompress(archive_bytes()), random.Random(24)  # noqa: S311  # a choice, no secret
    path = tmp_path / "b.tar.gz"
    for _ in range(examples(all=500, quick=120, campaign=3000)):
        changed = bytearray(content)
        for _ in range(chance.randrange(1, 4)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        path.write_bytes(gzip.compress(bytes(changed), 1))
        try:
            open_archive(path)
        except EngageError as error:
            assert error.sentence
