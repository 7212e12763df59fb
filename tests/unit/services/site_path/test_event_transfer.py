"""From the ingress's spool into the store: each event exactly once, wherever it is interrupted."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from engage_server.errors import StoreNotUsable
from engage_server.links.journal.spool_journal import SpoolJournal
from engage_server.records import PathSays
from engage_server.services.evidence.spool import segments
from engage_server.services.site_path.event_lines import SUFFIX
from engage_server.services.site_path.event_transfer import PathEventTransfer
from engage_server.services.site_path.paths import SitePaths
from engage_server.services.site_path.standing import PathState
from engage_server.store.database.engine import open_engine
from engage_server.store.sql_store import SqlStore
from tests.support.databases import SEALER, migrated_sqlite
from tests.support.path_events import at, path_event, registered

KEEP = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = SqlStore(open_engine(migrated_sqlite(tmp_path / "engage.db")), SEALER)
    yield store
    store.close()


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "events"
    folder.mkdir()
    return folder


def test_what_is_recorded_is_stored_folded_and_removed(store: SqlStore, spool: Path) -> None:
    journal = SpoolJournal(spool, 1 << 20)
    assert journal.record([registered(), path_event(minutes=1)])
    transfer = PathEventTransfer(spool, store, KEEP)
    assert transfer.run(at(2)) == 2
    assert len(list(segments(spool, SUFFIX))) == 1, "the journal still writes to its file"
    assert journal.record([path_event(PathSays.CUT, 3)])
    journal.close()
    assert transfer.run(at(4)) == 1
    assert list(segments(spool, SUFFIX)) == []
    (report,) = SitePaths(store).links(at(5))
    assert (report.path.state, report.path.since) == (PathState.CUT, at(3))


def test_a_store_that_is_away_loses_nothing(store: SqlStore, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = SpoolJournal(spool, 1 << 20)
    journal.record([path_event(key="a"), path_event(minutes=1)])
    journal.close()
    transfer = PathEventTransfer(spool, store, KEEP)

    def away(*_: object) -> bool:
        raise StoreNotUsable("the store is away", "Wait.")

    with monkeypatch.context() as broken, pytest.raises(StoreNotUsable):
        broken.setattr(store, "fold_path_events", away)
        transfer.run(at(2))
    transfer.run(at(3))
    transfer.run(at(3))
    assert len(store.path_events(None, None, None, 10)) == 2
    assert store.link_standings()[0].works_at == at(1)


def test_lines_that_are_no_events_are_left_out(store: SqlStore, spool: Path) -> None:
    (spool / f"broken{SUFFIX}").write_bytes(b"nothing\n[]\n")
    assert PathEventTransfer(spool, store, KEEP).run(at(0)) == 2
    assert list(spool.iterdir()) == []
    assert store.path_events(None, None, None, 10) == []


def test_old_events_are_forgotten_and_the_path_stays_known(store: SqlStore, spool: Path) -> None:
    store.add_path_events([path_event()])
    transfer = PathEventTransfer(spool, store, KEEP)
    transfer.run(at(0))
    assert transfer.forget_old(at(0) + KEEP) == 0
    assert transfer.forget_old(at(1) + KEEP) == 1
    assert SitePaths(store).of_all(at(9))["main"].state is PathState.OK


def test_a_full_spool_is_told(spool: Path) -> None:
    journal = SpoolJournal(spool, 100)
    assert not journal.record([path_event()])
    assert "full" in journal.trouble
    assert journal.record([])
