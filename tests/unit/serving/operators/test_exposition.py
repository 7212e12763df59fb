"""What Prometheus is told of this host itself, beside what workers count."""

from pathlib import Path

import pytest

from engage_server.composition.folder_watch import GONE
from engage_server.serving.operators.exposition import Exposition
from tests.support.world import World


@pytest.mark.parametrize(("losses", "told"), [((), "0.0"), ((GONE,), "1.0"), (("another",), "0.0")])
def test_a_folder_of_data_that_is_gone(world: World, tmp_path: Path, losses: tuple[str, ...], told: str) -> None:
    """Workers' figures lie in that folder: this one comes from the process that is asked."""
    distribution = world.distribution()
    distribution.ask_losses(lambda: losses)
    text = Exposition(tmp_path / "metrics", tmp_path / "spool", distribution).text().decode()
    assert f"engage_data_gone {told}\n" in text
