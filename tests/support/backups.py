"""An installation that is backed up, its archive taken apart and put together again, and the drill with it."""

import dataclasses
import hashlib
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import cache
from io import BytesIO
from pathlib import Path

from engage_server.composition.backups.keys import manifest_code
from engage_server.composition.backups.making import backup_creation, host_files
from engage_server.composition.backups.restoring import DrillKeys, drilled
from engage_server.records import AuditAction, AuditEvent, Host, Occasion, Secret
from engage_server.services.backup.archive.look_through import digest_line
from engage_server.services.backup.archive.manifest import Manifest, manifest_bytes, read_manifest
from engage_server.services.backup.archive.names import CODE, MANIFEST
from engage_server.services.backup.archive.tar_blocks import packed
from engage_server.services.backup.drill import DrillReport
from engage_server.services.kpn_devices.register import KpnDevices, SimCard
from engage_server.settings import Settings
from engage_server.store.sealing import LinkSealer
from tests.support.alerts import recipient
from tests.support.chains import NOW, OTHER_SITE_KEY
from tests.support.databases import KEK, SEALER
from tests.support.kpn import IMEI
from tests.support.rsa_keys import keeping
from tests.support.world import PORT, World, serial_of

Members = list[tuple[str, bytes]]
LINK_KEY = Secret(b"k" * 32)
LINK_SEALER = LinkSealer(LINK_KEY)
WEBHOOK_SECRET = Secret(b"canary of a webhook's secret")
LINK_SECRET = Secret(b"canary of a device on a link")
NORTH = (Host("north.example.org"),)


def settings_of(folder: Path) -> Settings:
    """Settings of an installation in this folder."""
    return Settings(
        certs_dir=folder / "chain1",
        data_dir=folder / "data",
        key_encryption_key_file=folder / "engage.kek",
        links_key_file=folder / "links.key",
        links_file=folder / "links.toml",
        oidc_file=folder / "oidc.toml",
        public_http_port=PORT,
    )


def furnished(world: World) -> None:
    """Give a world two sites, three releases, and everything that is sealed or lies on the disk."""
    world.add_site()
    world.add_site("north", NORTH, OTHER_SITE_KEY)
    for name in ("main", "main", "north"):
        world.release(name)
    world.store.add_recipient(recipient(), WEBHOOK_SECRET, AuditEvent(NOW, "tester", AuditAction.UNKNOWN))
    KpnDevices(world.store, lambda: LINK_SEALER).add(IMEI, "kpn", SimCard(), LINK_SECRET, Occasion("tester", NOW))
    data = world.folder / "data"
    for device in (1, 2):
        folder = data / "main" / serial_of(device)
        folder.mkdir(parents=True)
        (folder / "database.json").write_bytes(b'{"nxtDbVerTS":"0x1"}\n')
    (data / "main" / ".uploads").mkdir()
    (data / "main" / ".uploads" / "000000000000.0123abcd.uploads").write_bytes(b"journal\n")
    waiting = data / "spool" / "upstream" / "main" / "pending"
    waiting.mkdir(parents=True)
    (waiting / f"{serial_of(1)}~0000000001.json").write_bytes(b'{"kind":"audit"}')
    (world.folder / "engage.kek").write_bytes(b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")


def created(world: World, path: Path, *, with_authority: bool = False) -> Manifest:
    """Make a backup of a world."""
    settings = settings_of(world.folder)
    creation = backup_creation(world.store, settings)
    files = host_files(settings, with_authority=with_authority)
    return creation.create(path, files, Occasion("tester", NOW + timedelta(hours=1))).manifest


@cache
@keeping()
def archive_bytes() -> bytes:
    """The backup of a furnished world, authority and all. Made once in each process."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with World(folder) as world:
            furnished(world)
            created(world, folder / "b.tar.gz", with_authority=True)
        return (folder / "b.tar.gz").read_bytes()


def members_of(content: bytes) -> Members:
    """The members of an archive, as a program that is not ours reads them."""
    with tarfile.open(fileobj=BytesIO(content), mode="r:gz") as archive:
        found = []
        for each in archive.getmembers():
            file = archive.extractfile(each)
            assert file is not None
            found.append((each.name, file.read()))
        return found


def together(members: Iterable[tuple[str, bytes]]) -> bytes:
    """An archive of these members, whatever the list of digests in it says."""
    return b"".join(packed(members, 0))


def listed(members: Members, change: Callable[[Manifest], Manifest] = lambda manifest: manifest) -> bytes:
    """An archive of these members by somebody who has the key: its digests, its manifest and its code are right."""
    kept = [each for each in members if not each[0].startswith(("digests/", "manifest."))]
    lines = b"".join(digest_line(name, content) for name, content in kept)
    manifest = read_manifest(dict(members)[MANIFEST])
    rows = dict.fromkeys(manifest.rows, 0)
    for name, content in kept:
        if name.startswith("tables/"):
            rows[name.split("/")[1]] += content.count(b"\n")
    files = sum(name.startswith(("devices/", "journals/", "uploads/", "settings/", "authority/")) for name, _ in kept)
    honest = dataclasses.replace(manifest, digests=hashlib.sha256(lines).hexdigest(), rows=rows, files=files)
    content = manifest_bytes(change(honest))
    last = [("digests/000001.txt", lines), (MANIFEST, content), (CODE, manifest_code(SEALER, content))]
    return together([*kept, *last])


def verified(path: Path, folder: Path, link_sealer: LinkSealer | None = LINK_SEALER) -> DrillReport:
    """The drill with a backup."""
    return drilled(path, DrillKeys(KEK, link_sealer), folder, 0)
