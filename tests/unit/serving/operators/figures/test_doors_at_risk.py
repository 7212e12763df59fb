"""The metric of doors at risk."""

from datetime import timedelta
from pathlib import Path

from engage_server.composition.operator_side import OperatorSide
from engage_server.records import Host, PathSays
from engage_server.services.releases.lifecycle import chain_of
from engage_server.services.site_path.fold import fold
from engage_server.serving.operators.acting_side import ActingSide
from engage_server.serving.operators.exposition import Exposition
from engage_server.serving.operators.figures.doors_at_risk import SECONDS, DoorsAtRisk
from engage_server.settings import load_settings
from tests.support.chains import NOW
from tests.support.path_events import path_event
from tests.support.world import World

DAY = timedelta(days=1)


def test_doors_by_site_and_severity(world: World, tmp_path: Path) -> None:
    world.add_site("main")
    release = world.release("main")
    for night in range(3):
        world.see(world.finished(1, release, NOW + night * DAY), world.finished(2, release, NOW + night * DAY))
    exposition = Exposition(tmp_path / "metrics", tmp_path / "spool", world.distribution())
    assert "engage_doors_at_risk{" not in exposition.text().decode(), "nobody has counted yet"
    side = OperatorSide(world.store, load_settings(None, {}, {}, tmp_path))
    for nights, expected in ((3, "0.0"), (9, "2.0")):
        DoorsAtRisk(ActingSide(lambda: side), exposition.tell_risks, lambda: NOW + nights * DAY).count()  # noqa: B023
        text = exposition.text().decode()
        assert f'engage_doors_at_risk{{severity="medium",site="main"}} {expected}' in text
        assert 'engage_doors_at_risk{severity="high",site="main"} 0.0' in text
        assert "engage_site_risk{" not in text


def test_what_concerns_a_whole_site(world: World, tmp_path: Path) -> None:
    """Once for each kind, such as a renewal that comes too late."""
    world.add_site("main")
    world.release("main")
    exposition = Exposition(tmp_path / "metrics", tmp_path / "spool", world.distribution())
    side = OperatorSide(world.store, load_settings(None, {}, {}, tmp_path))
    later = chain_of(world.store.release("main", 1)).server.not_valid_after_utc - 3 * DAY
    DoorsAtRisk(ActingSide(lambda: side), exposition.tell_risks, lambda: later).count()
    assert 'engage_site_risk{code="risk.renewal_late",severity="high",site="main"} 1.0' in exposition.text().decode()


def test_the_path_to_a_site_that_has_a_link(world: World, tmp_path: Path) -> None:
    """By the state that it has now. A site without a link has none."""
    world.add_site("main")
    world.add_site("other", (Host("other.example.org"),))
    exposition = Exposition(tmp_path / "metrics", tmp_path / "spool", world.distribution())
    side = OperatorSide(world.store, load_settings(None, {}, {}, tmp_path))
    for says, state in ((PathSays.WORKS, "ok"), (PathSays.CUT, "cut")):
        world.store.add_path_events([path_event(says)])
        world.store.fold_path_events(fold, 10)
        DoorsAtRisk(ActingSide(lambda: side), exposition.tell_risks, lambda: NOW).count()
        told = [line for line in exposition.text().decode().splitlines() if line.startswith("engage_site_path{")]
        assert told == [f'engage_site_path{{site="main",state="{state}"}} 1.0']


def test_what_takes_long_is_counted_less_often(world: World, tmp_path: Path) -> None:
    side = OperatorSide(world.store, load_settings(None, {}, {}, tmp_path))
    told: list[object] = []
    seconds = iter([0.0, 10.0, 100.0, 209.0, 211.0, 212.0])  # of it, the first count takes ten
    counting = DoorsAtRisk(ActingSide(lambda: side), told.append, lambda: NOW, lambda: next(seconds))
    for expected in (1, 1, 1, 2):
        counting.count()
        assert len(told) == expected


def test_it_is_counted_at_most_once_a_minute() -> None:
    assert SECONDS >= 60
