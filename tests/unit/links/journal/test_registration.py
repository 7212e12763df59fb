"""The store learns which links there are."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engage_server.links.journal.registration import LIST_FILE, register_links
from engage_server.links.registry.links_file import Link
from engage_server.links.registry.table import Where
from engage_server.records import LinkStanding, PathEvent
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


def test_all_links_are_reported_and_those_that_are_gone(tmp_path: Path) -> None:
    journal = Kept()
    assert register(journal, tmp_path, link("a"), link("b")) == ["a: link_registered", "b: link_registered"]
    assert register(journal, tmp_path, link("a", minutes=10)) == ["a: link_registered", "b: link_removed"]
    standing = fold({}, journal.events).standings["a"]
    assert (standing.site, standing.partner, standing.expects_seconds) == ("main", "kpn", 600)
    assert register(journal, tmp_path) == ["a: link_removed"]
    assert register(journal, tmp_path) == [], "said once"
    assert (tmp_path / LIST_FILE).stat().st_mode & 0o777 == 0o600


def test_of_processes_that_start_at_once_one_reports(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    assert register(Kept(), tmp_path, link("a"), now=now) == ["a: link_registered"]
    assert register(Kept(), tmp_path, link("a"), now=now) == []
    assert register(Kept(), tmp_path, link("a", minutes=5), now=now) == ["a: link_registered"]
    assert register(Kept(), tmp_path, link("a", minutes=5), now=now + timedelta(hours=1)) == ["a: link_registered"]


def test_what_could_not_be_kept_is_reported_next_time(tmp_path: Path) -> None:
    journal = Kept()
    journal.is_full = True
    assert register(journal, tmp_path, link("a")) == []
    journal.is_full = False
    assert register(journal, tmp_path, link("a")) == ["a: link_registered"]


def test_a_link_that_another_host_removed_is_registered_again(tmp_path: Path) -> None:
    """Two hosts with one database, of which one has another links.toml for a while."""
    here, there, journal = tmp_path / "here", tmp_path / "there", Kept()
    here.mkdir()
    there.mkdir()
    store: dict[str, LinkStanding] = {}

    def start(folder: Path, minute: int, *links: Link) -> None:
        register(journal, folder, *links, now=at(minute))
        store.update(fold(store, journal.events).standings)

    start(here, 0, link("a"))
    start(there, 1, link("a"))
    start(there, 2)
    start(here, 3, link("a"))
    standing = store["a"]
    assert standing.partner == "kpn"
    start(there, 4)
    assert store["a"] == standing, "a host removes nothing that it did not report"


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', '{"a": ["x", "y", "many"]}', "\0"])
def test_a_list_that_cannot_be_read_is_written_again(tmp_path: Path, content: str) -> None:
    (tmp_path / LIST_FILE).write_text(content)
    assert register(Kept(), tmp_path, link("a")) == ["a: link_registered"]
