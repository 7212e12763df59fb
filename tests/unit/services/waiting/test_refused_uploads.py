"""Refused uploads: tried again in their place, discarded, and in the audit log."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from engage_server.errors import Conflict, NotFound
from engage_server.records import AuditFilter
from engage_server.services.call_in.delivering.upload_spool import Upload, UpstreamSpool
from engage_server.services.waiting.refused_uploads import RefusedUploads
from tests.support.chains import NOW
from tests.support.disk import room_in
from tests.support.world import World, serial_of


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as world:
        world.add_site()
        yield world


@pytest.fixture
def spool(world: World) -> UpstreamSpool:
    return UpstreamSpool(room_in(world.folder / "data", world.folder / "spool", clock=NOW.timestamp))


@pytest.fixture
def refused(world: World, spool: UpstreamSpool) -> RefusedUploads:
    return RefusedUploads(world.store, spool)


def _reject(spool: UpstreamSpool, device: int, body: bytes = b"{}") -> str:
    upload = Upload("audit", "/audit", body, "application/json", "", "192.0.2.1", NOW)
    spool.append("main", serial_of(device), upload)
    return spool.reject(spool.pending("main")[serial_of(device)][-1], 500).name


def test_an_upload_gets_its_old_place_and_may_fail_on_as_many_days_as_before(
    world: World, spool: UpstreamSpool, refused: RefusedUploads
) -> None:
    """It goes before the later uploads of its device."""
    upload = Upload("audit", "/audit", b"{}", "application/json", "", "192.0.2.1", NOW)
    spool.append("main", serial_of(1), upload)
    (first,) = spool.pending("main")[serial_of(1)]
    for day in range(3):
        days = spool.tries(first).add((NOW + timedelta(days=day)).date())
    assert days == 3
    name = spool.reject(first, 500).name
    spool.append("main", serial_of(1), upload)
    assert refused.try_again("main", [name], world.occasion) == 1
    waiting = spool.pending("main")[serial_of(1)]
    assert [each.number for each in waiting] == [1, 2]
    assert waiting[0].read().body == b"{}"
    assert spool.tries(waiting[0]).days() == []


def test_the_room_is_counted_as_before(world: World, spool: UpstreamSpool, refused: RefusedUploads) -> None:
    """Tried again: it is no refused one. Discarded: it uses nothing."""
    names = [_reject(spool, device) for device in (1, 2)]
    before = spool._room.use()["main"]
    assert before.refused > 0
    refused.try_again("main", names[:1], world.occasion)
    refused.discard("main", names[1], world.occasion)
    after = spool._room.use()["main"]
    assert after.refused == 0
    assert after.uploads == before.uploads - before.refused // 2


def test_an_upload_whose_place_is_taken_stays(world: World, spool: UpstreamSpool, refused: RefusedUploads) -> None:
    """One alone is refused with the reason. Of all, the others go."""
    name, other = _reject(spool, 1), _reject(spool, 2)
    taken = spool._folder / "main" / "pending" / f"{name.partition('.')[0]}.json"
    taken.write_bytes(b"{}")
    with pytest.raises(Conflict) as caught:
        refused.try_again("main", [name], world.occasion)
    assert caught.value.code == "upload.waits"
    assert refused.try_again("main", None, world.occasion) == 1
    assert [each.name for each in refused.page("main", None, 9).items] == [name]
    assert other not in {path.name for path in spool.refused_files("main")}


def test_what_cannot_be_recorded_is_not_done(
    world: World, spool: UpstreamSpool, refused: RefusedUploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of the two acts."""
    name = _reject(spool, 1)

    def fail(event: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(world.store, "record", fail)
    with pytest.raises(RuntimeError):
        refused.try_again("main", [name], world.occasion)
    with pytest.raises(RuntimeError):
        refused.discard("main", name, world.occasion)
    assert spool.counts("main") == (0, 1)


def test_nothing_to_do_writes_nothing(world: World, refused: RefusedUploads) -> None:
    before = world.store.audit_page(AuditFilter(), None, 1).items[0].number
    assert refused.try_again("main", None, world.occasion) == 0
    with pytest.raises(NotFound):
        refused.discard("main", "../../engage.db", world.occasion)
    assert world.store.audit_page(AuditFilter(), None, 1).items[0].number == before


def test_pages_follow_each_other(spool: UpstreamSpool, refused: RefusedUploads) -> None:
    """A file of another name is not shown."""
    names = [_reject(spool, device) for device in range(1, 6)]
    (spool._folder / "main" / "refused" / "notes.json").write_text("{}")
    found, after = list[str](), None
    for _ in range(4):
        page = refused.page("main", after, 2)
        found += [each.name for each in page.items]
        after = page.next
        if after is None:
            break
    assert found == sorted(names)
