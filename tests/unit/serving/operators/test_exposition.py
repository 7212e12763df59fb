"""What Prometheus is told of this host itself, beside what workers count."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engage_server.composition.folder_watch import GONE
from engage_server.records import AuditEvent, CallIn, CallInWay
from engage_server.serving.operators.exposition import Exposition
from tests.support.world import World


def test_how_long_a_copy_of_shared_files_lacks_a_change(world: World, tmp_path: Path, event: AuditEvent) -> None:
    world.add_site("main")
    exposition = Exposition(tmp_path / "metrics", tmp_path / "spool", world.distribution())
    name = "engage_shared_copy_behind_seconds"
    assert f"{name}{{" not in exposition.text().decode(), "no site shares its files"
    world.store.change_site(replace(world.store.site("main"), call_in=CallIn(CallInWay.SHARED)), event)
    exposition = Exposition(tmp_path / "metrics", tmp_path / "spool", world.distribution())
    assert f'{name}{{site="main"}} 0.0' in exposition.text().decode()
    exposition.copies_behind = lambda: {"main": datetime.now(UTC) - timedelta(seconds=300.5)}
    assert f'{name}{{site="main"}} 30' in exposition.text().decode()


@pytest.mark.parametrize(("losses", "told"), [((), "0.0"), ((GONE,), "1.0"), (("another",), "0.0")])
def test_a_folder_of_data_that_is_gone(world: World, tmp_path: Path, losses: tuple[str, ...], told: str) -> None:
    """Workers' figures lie in that folder: this one comes from the process that is asked."""
    distribution = world.distribution()
    distribution.ask_losses(lambda: losses)
    text = Exposition(tmp_path / "metrics", tmp_path / "spool", distribution).text().decode()
    assert f"engage_data_gone {told}\n" in text
