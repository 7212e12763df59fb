"""What the operators' instance does for the links."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from engage_server.composition.operator_side import OperatorSide
from engage_server.errors import NotPossible
from engage_server.links.journal.spool_journal import SpoolJournal
from engage_server.records import DownlinkChannel, DownlinkStatus, Occasion, Secret, SimType
from engage_server.services.kpn_devices.ingress_copy import COPY_FILE, read_copy, take
from engage_server.services.kpn_devices.register import SimCard
from engage_server.serving.operators.acting_side import ActingSide
from engage_server.serving.operators.repeated.links import LinkChores
from engage_server.setting_values import SecretText
from engage_server.settings import Settings
from engage_server.store.database.engine import open_engine
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW
from tests.support.databases import SEALER, migrated_sqlite
from tests.support.path_events import at, path_event

IMEI = "490154203237518"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    url = SecretText(migrated_sqlite(tmp_path / "engage.db"))
    return Settings(data_dir=Path("data"), database_url=url).anchored(tmp_path)


@pytest.fixture
def side(settings: Settings) -> Iterator[OperatorSide]:
    side = OperatorSide(SqlStore(open_engine(settings.database_url.reveal()), SEALER), settings)
    yield side
    side.close()


@pytest.fixture
def chores(side: OperatorSide, settings: Settings) -> Iterator[LinkChores]:
    chores = LinkChores(ActingSide(lambda: side), settings, lambda: at(5))
    yield chores
    chores.close()


def test_without_links_nothing_is_made(chores: LinkChores, settings: Settings) -> None:
    chores.run()
    assert not settings.links_dir.exists()


def test_events_are_stored_and_the_copy_is_kept(
    chores: LinkChores, side: OperatorSide, settings: Settings, occasion: Occasion
) -> None:
    settings.links_file.touch()
    chores.run()
    SpoolJournal(settings.path_events_dir, 1 << 20).record([path_event()])
    side.kpn_devices.add(IMEI, "sim", SimCard(), Secret(b"a" * 30), occasion)
    assert settings.links_key_file.stat().st_mode & 0o777 == 0o600
    downlink = side.kpn_devices.send(IMEI, DownlinkChannel.HTTP, "[]", occasion)
    chores.run()
    assert [report.standing.link for report in side.paths.links(at(6))] == ["sim"]
    assert read_copy(settings.links_dir).executing == {IMEI: downlink}
    assert take(settings.links_dir, downlink)
    chores.run()
    assert side.kpn_devices.downlinks()[0].status is DownlinkStatus.DELIVERED
    assert read_copy(settings.links_dir).executing == {}


def test_an_old_sms_is_given_up(side: OperatorSide, settings: Settings, occasion: Occasion) -> None:
    now = [NOW]
    chores = LinkChores(ActingSide(lambda: side), settings, lambda: now[0])
    side.kpn_devices.add(IMEI, "sim", SimCard(sim_type=SimType.M2M_PLUS), None, occasion)
    side.kpn_devices.send(IMEI, DownlinkChannel.SMS, "wake up", occasion)
    chores.run()
    assert side.kpn_devices.downlinks()[0].status is DownlinkStatus.EXECUTING
    now[0] += timedelta(hours=48)
    chores.run()
    assert side.kpn_devices.downlinks()[0].status is DownlinkStatus.FAILED


def test_one_process_of_a_host_does_it(chores: LinkChores, side: OperatorSide, settings: Settings) -> None:
    settings.links_file.touch()
    chores.run()
    second = LinkChores(ActingSide(lambda: side), settings, lambda: at(5))
    with pytest.raises(NotPossible):
        second.run()
    chores.close()
    second.run()
    second.close()
    assert (settings.links_dir / COPY_FILE).exists()
