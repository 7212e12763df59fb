"""All addresses of KPN, from links.toml to the answers of two workers."""

from pathlib import Path

import pytest

from engage_server.errors import SettingsInvalid
from engage_server.links.ingress.call import Answering
from engage_server.links.ingress.parts import Parts
from engage_server.links.kpn.answering.addresses import KpnAddresses, read_addresses
from engage_server.links.registry.links_file import read_links_file
from tests.support.kpn import DEPOT, DESTINATION_SECRET, DEVICE_SECRET, IMEI, FixedTables, KeptEvents, call, pack

LINKS = """
[links.depot-kpn]
site = "depot"
partner = "kpn"
destination = "doors"
secret_file = "destination.secret"
"""


@pytest.fixture
def addresses(tmp_path: Path) -> KpnAddresses:
    (tmp_path / "links.toml").write_text(LINKS)
    (tmp_path / "destination.secret").touch(mode=0o600)
    (tmp_path / "destination.secret").write_bytes(DESTINATION_SECRET.reveal())
    return read_addresses(read_links_file(tmp_path / "links.toml", "127.0.0.1", 443))


def answers(addresses: KpnAddresses, tables: FixedTables, folder: Path) -> dict[str, Answering]:
    """What one worker answers with, by service."""
    return {route.service: route.answer for route in addresses.routes(Parts(KeptEvents(), tables, folder))}


def test_both_addresses_have_a_service(addresses: KpnAddresses, tmp_path: Path) -> None:
    found = answers(addresses, FixedTables(), tmp_path)
    assert set(found) == {"kpn", "kpn-ingestion"}
    assert found["kpn"](call(pack(), DESTINATION_SECRET), {"destination": "doors"}).status == 200
    assert found["kpn"](call(pack(), DEVICE_SECRET), {"destination": "doors"}).status == 401


def test_a_replay_at_another_worker_gets_no_message(addresses: KpnAddresses, tmp_path: Path) -> None:
    tables = FixedTables()
    tables.add(IMEI, DEPOT, DEVICE_SECRET)
    one, other = (answers(addresses, tables, tmp_path)["kpn-ingestion"] for _ in range(2))
    assert one(call(pack(), DEVICE_SECRET), {}).status == 200
    tables.execute(b"[]")
    assert other(call(pack(), DEVICE_SECRET), {}).body == b""
    assert other(call(pack(bt=1_700_000_001), DEVICE_SECRET), {}).body == b"[]"


def test_a_replay_after_a_restart_gets_no_message(addresses: KpnAddresses, tmp_path: Path) -> None:
    """Also after SIGHUP, and at another listener: each of them reads the file again."""
    tables = FixedTables()
    tables.add(IMEI, DEPOT, DEVICE_SECRET)
    before = answers(addresses, tables, tmp_path)["kpn-ingestion"]
    assert before(call(pack(), DEVICE_SECRET), {}).status == 200
    tables.execute(b"[]")
    again = read_addresses(read_links_file(tmp_path / "links.toml", "127.0.0.1", 443))
    after = answers(again, tables, tmp_path)["kpn-ingestion"]
    assert after(call(pack(), DEVICE_SECRET), {}).body == b""
    assert after(call(pack(bt=1_700_000_001), DEVICE_SECRET), {}).body == b"[]"


def test_a_link_without_its_secret_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "links.toml").write_text(LINKS)
    with pytest.raises(SettingsInvalid, match=r"destination\.secret"):
        read_addresses(read_links_file(tmp_path / "links.toml", "127.0.0.1", 443))
