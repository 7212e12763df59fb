"""What the ingress can do with PostgreSQL, and that it can do nothing else: asked of a real server."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from engage_server.composition.links.store import open_ingress_store, role_sql
from engage_server.errors import SettingsInvalid, StoreNotUsable
from engage_server.links.journal.database_desk import DatabaseDesk
from engage_server.records import (
    AuditEvent,
    Downlink,
    DownlinkChannel,
    DownlinkStatus,
    KpnDevice,
    PathSays,
    Secret,
    SimType,
)
from engage_server.services.kpn_devices.register import secret_purpose
from engage_server.services.site_path.fold import fold
from engage_server.setting_values import SecretText
from engage_server.settings import Settings
from engage_server.store.database.engine import open_engine
from engage_server.store.interface import SimPoll
from engage_server.store.link_tables import path_events
from engage_server.store.links.ingress_store import IngressStore
from engage_server.store.sealing import LinkSealer
from engage_server.store.sql_store import SqlStore
from engage_server.store.tables import metadata
from tests.support.chains import NOW, SITE_KEY
from tests.support.databases import SEALER, migrated_postgresql
from tests.support.path_events import at, path_event
from tests.support.postgresql import PostgresServer
from tests.support.rows import site

IMEI = "490154203237518"
ROLE = "ingress_of_tests"
LINKS = LinkSealer(Secret(bytes(range(32))))


@dataclass
class Both:
    """One database, as its owner and as the ingress."""

    owner: SqlStore
    ingress: IngressStore
    url: str


@pytest.fixture(scope="module")
def server(postgresql: PostgresServer) -> PostgresServer:
    return postgresql


@pytest.fixture
def both(server: PostgresServer) -> Iterator[Both]:
    url = migrated_postgresql(server)
    name = server.name_of(url)
    statements = role_sql(ROLE)
    if ROLE in roles(server):  # roles belong to the server, not to a database
        statements = statements[1:]
    server.ask("\n".join(statements), name)
    owner = SqlStore(open_engine(url), SEALER)
    as_role = url.replace("postgresql://engage@", f"postgresql://{ROLE}@")
    ingress = open_ingress_store(Settings(links_database_url=SecretText(as_role)))
    assert ingress is not None
    yield Both(owner, ingress, as_role)
    ingress.close()
    owner.close()


def roles(server: PostgresServer) -> list[str]:
    """The roles that the server has."""
    return server.ask("SELECT rolname FROM pg_roles").splitlines()


def device(sealed: bytes | None = None) -> KpnDevice:
    return KpnDevice(IMEI, "sim", "", "", "", SimType.M2M, sealed, NOW)


def test_events_go_in_once_and_are_folded_by_others(both: Both) -> None:
    desk = DatabaseDesk(both.ingress, None)
    assert desk.record([path_event(key="a", strange="\0\ud800x"), path_event(PathSays.CUT, 1)])
    assert desk.record([path_event(key="a")])
    assert len(both.owner.path_events(None, None, None, 10)) == 2
    assert both.owner.fold_path_events(fold, 10) == 2
    assert both.owner.link_standings()[0].trouble is PathSays.CUT


def test_it_does_nothing_with_the_database_of_another_installation(both: Both, server: PostgresServer) -> None:
    name = server.name_of(both.url)
    ours = server.ask("SELECT encode(seal_probe, 'hex') FROM installation", name)
    desk = DatabaseDesk(both.ingress, None)
    assert desk.record([path_event(key="a")]), "the control"
    for probe, is_ours in (("00", False), (ours, True)):
        server.ask(f"UPDATE installation SET seal_probe = decode('{probe}', 'hex')", name)  # noqa: S608  # ours
        assert desk.record([path_event(key=f"b{is_ours}")]) is is_ours
    assert len(both.owner.path_events(None, None, None, 10)) == 2


def test_a_role_of_an_earlier_version_goes_on(both: Both, server: PostgresServer) -> None:
    revoked = f"REVOKE SELECT (seal_probe) ON installation FROM {ROLE}"  # noqa: S608  # ours
    server.ask(revoked, server.name_of(both.url))
    ingress = open_ingress_store(Settings(links_database_url=SecretText(both.url)))
    assert ingress is not None
    assert DatabaseDesk(ingress, None).record([path_event(key="a")])
    ingress.close()


def test_a_message_is_delivered_once_and_the_next_one_follows(both: Both, event: AuditEvent) -> None:
    desk = DatabaseDesk(both.ingress, LINKS)
    assert desk.kpn_device(IMEI) is None
    both.owner.add_kpn_device(device(LINKS.seal(Secret(b"a" * 30), secret_purpose(IMEI))), event)
    found = desk.kpn_device(IMEI)
    assert found is not None
    assert desk.kpn_secret(found) == Secret(b"a" * 30)
    assert desk.kpn_secret(replace(found, sealed_secret=None)) is None
    assert desk.executing_downlink(IMEI) is None
    first, second = (
        both.owner.queue_downlink(IMEI, DownlinkChannel.HTTP, words, NOW, event) for words in ("[1]", "[2]")
    )
    assert desk.executing_downlink(IMEI) == first
    assert [desk.deliver(first, at(1)) for _ in range(2)] == [True, False]
    assert desk.executing_downlink(IMEI) is None
    assert both.owner.execute_downlinks(at(2)) == 1
    assert both.owner.execute_downlinks(at(2)) == 0
    executing = desk.executing_downlink(IMEI)
    assert executing is not None
    assert executing.number == second.number


def test_turns_in_asking_operators_are_taken_by_one_of_two(both: Both) -> None:
    first, again = both.ingress.sim_poll("jpu"), both.ingress.sim_poll("jpu")
    assert first == again == SimPoll("jpu", 0, is_held=False, memory="")
    assert [both.ingress.take_sim_poll("jpu", 0, 60) for _ in range(2)] == [True, False]
    assert both.ingress.sim_poll("jpu").is_held
    assert not both.ingress.take_sim_poll("jpu", 1, 60), "somebody has it"
    assert both.ingress.hold_sim_poll("jpu", 1, 60)
    assert both.ingress.end_sim_poll("jpu", 1, "text", [path_event(key="poll-1")])
    assert both.owner.sim_polls() == [SimPoll("jpu", 1, is_held=False, memory="text")]
    assert not both.ingress.take_sim_poll("jpu", 0, 60), "somebody has had it since"
    assert len(both.owner.path_events(None, None, None, 10)) == 1


def test_a_turn_ends_by_itself_and_its_holder_then_stores_nothing(both: Both) -> None:
    both.ingress.sim_poll("jpu")
    assert both.ingress.take_sim_poll("jpu", 0, 0)
    assert both.ingress.take_sim_poll("jpu", 1, 60)
    assert not both.ingress.hold_sim_poll("jpu", 1, 60)
    assert not both.ingress.end_sim_poll("jpu", 1, "stale", [path_event(key="poll-1")])
    assert both.owner.sim_polls()[0].memory == ""
    assert both.owner.path_events(None, None, None, 10) == []


def test_it_reads_no_other_table(both: Both) -> None:
    readable = set()
    for table in metadata.tables:
        with both.ingress._engine.connect() as connection:
            try:
                connection.execute(text(f"SELECT * FROM {table}"))  # noqa: S608  # names of our own tables
                readable.add(table)
            except ProgrammingError as error:
                assert "permission denied" in str(error)
    assert readable == {"kpn_devices", "kpn_downlinks", "sim_polls"}


_FORBIDDEN = [
    "UPDATE path_events SET is_folded = true",
    "DELETE FROM path_events",
    "INSERT INTO path_events (site, link, at, kind, says, detail, is_folded) "
    "VALUES ('main', 'x', now(), 'x', 'cut', '{}', true)",
    "UPDATE kpn_downlinks SET content = '[]'",
    "UPDATE kpn_devices SET secret_sealed = NULL",
    "INSERT INTO kpn_devices (imei, link, iccid, msisdn, rate_plan, sim_type, added_at) "
    "VALUES ('1', 'x', '', '', '', 'm2m', now())",
    "DELETE FROM kpn_downlinks",
    "UPDATE link_standings SET trouble = 'nothing'",
    "UPDATE alembic_version SET version_num = '0001'",
    "DELETE FROM sim_polls",
    "UPDATE sim_polls SET account = 'other'",
    "CREATE TABLE mine (id int)",
]


def test_it_changes_nothing_else(both: Both, event: AuditEvent) -> None:
    both.owner.add_site(site(), SITE_KEY, event)
    for statement in _FORBIDDEN:
        with both.ingress._engine.connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(text(statement))


def test_the_owner_may(both: Both) -> None:
    """So that a refusal above is the role's, not a fault in the statement."""
    with both.owner._engine.connect() as connection:
        connection.execute(text("UPDATE path_events SET is_folded = true"))
        connection.execute(text("UPDATE link_standings SET trouble = 'nothing'"))
        assert connection.execute(path_events.select()).all() == []


def test_a_role_without_rights_is_found_at_the_start(server: PostgresServer) -> None:
    url = migrated_postgresql(server)
    stranger = "stranger_of_tests"
    if stranger not in roles(server):
        server.ask(f"CREATE ROLE {stranger} LOGIN")
    with pytest.raises(StoreNotUsable):
        open_ingress_store(Settings(links_database_url=SecretText(url.replace("engage@", f"{stranger}@"))))


def test_a_database_that_is_away_is_told_once(both: Both, caplog: pytest.LogCaptureFixture) -> None:
    away = DatabaseDesk(IngressStore(open_engine(both.url.replace("?host=", "?host=/nowhere"))), None)
    assert not away.record([path_event()])
    assert not away.record([path_event()])
    assert len([each for each in caplog.records if "refused for now" in each.getMessage()]) == 1
    assert not away.deliver(Downlink(1, IMEI, DownlinkChannel.HTTP, "[]", DownlinkStatus.EXECUTING, NOW, NOW), at(1))


@pytest.mark.parametrize("url", ["sqlite:///{}/engage.db", "mysql://x/y"])
def test_another_database_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsInvalid, match="must be PostgreSQL"):
        open_ingress_store(Settings(links_database_url=SecretText(url.format(tmp_path))))


def test_none_is_none() -> None:
    assert open_ingress_store(Settings()) is None
