"""The store learns which links there are."""

from datetime import datetime
from pathlib import Path

import pytest

from engage_server.links.journal.registration import LIST_FILE, register_links
from engage_server.links.registry.links_file import Link
from engage_server.links.registry.table import Where
from engage_server.records import PathEvent
from engage_server.services.site_path.fold import fold
from tests.support.path_events import at


class Kept:
    """A journal in memory, that may be full."""

    def __init__(self) -> None:
        self.events: list[PathEvent] = []
        self.is_full = False

    def record(self, events: list[PathEvent]) -> bool:
        if not self.is_full:
            self.events += events
        return not self.is_full


def link(name: str, site: str = "main", minutes: float | None = None) -> Link:
    return Link(name, site, "kpn", minutes, {}, Where(Path("/links.toml"), f"links.{name}"))


def register(journal: Kept, folder: Path, *links: Link, now: datetime = at(0)) -> list[str]:  # noqa: B008  # a constant
    """What was reported this time."""
    journal.events.clear()
    register_links(links, journal, folder, now)  # type: ignore[arg-type]
    return [f"{event.link}: {event.kind}" for event in journal.events]


def test_only_what_changed_is_reported(tmp_path: Path) -> None:
    journal = Kept()
    assert register(journal, tmp_path, link("a"), link("b")) == ["a: link_registered", "b: link_registered"]
    assert register(journal, tmp_path, link("b"), link("a")) == []
    assert register(journal, tmp_path, link("a", minutes=10), link("b")) == ["a: link_registered"]
    standing = fold({}, journal.events)["a"]
    assert standing is not None
    assert (standing.site, standing.partner, standing.expects_seconds) == ("main", "kpn", 600)
    assert register(journal, tmp_path, link("b", "other")) == ["b: link_registered", "a: link_removed"]
    assert (tmp_path / LIST_FILE).stat().st_mode & 0o777 == 0o600


def test_what_could_not_be_kept_is_reported_next_time(tmp_path: Path) -> None:
    journal = Kept()
    journal.is_full = True
    assert register(journal, tmp_path, link("a")) == []
    journal.is_full = False
    assert register(journal, tmp_path, link("a")) == ["a: link_registered"]


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', '{"a": ["x", "y", "many"]}', "\0"])
def test_a_list_that_cannot_be_read_is_written_again(tmp_path: Path, content: str) -> None:
    (tmp_path / LIST_FILE).write_text(content)
    assert register(Kept(), tmp_path, link("a")) == ["a: link_registered"]
    assert register(Kept(), tmp_path, link("a")) == []
