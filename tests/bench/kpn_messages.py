"""Messages of KPN's HTTPS destination, and reports of devices, for ``scripts/bench-links``."""

from pathlib import Path

from engage_server.records import Occasion, Secret
from engage_server.services.kpn_devices.ingress_copy import IngressCopy
from engage_server.services.kpn_devices.register import KpnDevices, SimCard
from engage_server.store.database.engine import open_engine
from engage_server.store.sealing import LinkSealer, new_key_encryption_key
from engage_server.store.sql_store import SqlStore
from tests.bench.links import HOST, Load
from tests.support.chains import NOW
from tests.support.databases import SEALER, migrated_sqlite
from tests.support.ingress import host_files
from tests.support.kpn import DESTINATION_SECRET, DEVICE_SECRET, IMEI, pack, token_of

_LINKS = """
[hosts."links.example.org"]
serves = ["kpn", "kpn-ingestion"]
FILES
[links.depot]
site = "main"
partner = "kpn"
destination = "doors"
secret_file = "destination.secret"
"""


def destination(folder: Path, count: int) -> Load:
    """KPN calls."""
    return Load("KPN destination", _links(folder), _requests("/kpn/doors", DESTINATION_SECRET, count), 200)


def ingestion(folder: Path, count: int) -> Load:
    """A device with a secret reports; there is no message to it."""
    links, key = _links(folder), new_key_encryption_key()
    (folder / "links.key").write_bytes(key)
    (folder / "links.key").chmod(0o600)
    (folder / "data").mkdir()
    store = SqlStore(open_engine(migrated_sqlite(folder / "data" / "engage.db")), SEALER)
    sealer = LinkSealer.from_text(key, "links.key")
    KpnDevices(store, lambda: sealer).add(IMEI, "depot", SimCard(), DEVICE_SECRET, Occasion("bench", NOW))
    (folder / "data" / "links").mkdir(mode=0o700)
    IngressCopy(folder / "data" / "links", store).renew()
    store.close()
    return Load("KPN ingestion", links, _requests("/ingestion/m2m/senml/v1", DEVICE_SECRET, count), 200)


LOADS = (destination, ingestion)


def _links(folder: Path) -> str:
    (folder / "destination.secret").write_bytes(DESTINATION_SECRET.reveal())
    (folder / "destination.secret").chmod(0o600)
    return _LINKS.replace("FILES", host_files(folder, HOST))


def _requests(path: str, secret: Secret, count: int) -> list[bytes]:
    values = ({"n": "door", "vs": "closed"}, {"n": "rssi", "v": -71, "u": "dBm"}, {"n": "battery", "v": 3.61, "u": "V"})
    bodies = (pack(*values, bt=1_700_000_000 + number) for number in range(count))
    return [_request(path, body, token_of(body, secret)) for body in bodies]


def _request(path: str, body: bytes, token: str) -> bytes:
    fields = f"Host: {HOST}\r\nContent-Type: application/json\r\nThings-Message-Token: {token}\r\n"
    return f"POST {path} HTTP/1.1\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode() + body
