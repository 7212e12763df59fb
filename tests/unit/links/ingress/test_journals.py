"""Where events go, and that the list of links is reported once, by whichever instance comes first."""

import logging
import threading
from pathlib import Path

import pytest

from engage_server.composition.links.key import LinkKey
from engage_server.links.ingress.journals import ToldJournal, open_desk, report_links
from engage_server.links.ingress.reading import make_folders
from engage_server.links.journal.spool_journal import SpoolJournal
from engage_server.links.registry.links_file import LinksFile, read_links_file
from engage_server.records import PathEvent, PathSays
from engage_server.settings import Settings, load_settings
from tests.support.m2u import AT

LOG = logging.getLogger("engage_server.tests")
EVENT = PathEvent("plant", "plant", AT, "m2u_message", PathSays.WORKS)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "data").mkdir()
    settings = load_settings(None, {"ENGAGE_SYSTEM_CONFIG": ""}, {"disk_reserve_mib": 0}, tmp_path)
    make_folders(settings)
    return settings


def links(settings: Settings, *names: str) -> LinksFile:
    tables = (f'[links.{name}]\nsite = "plant"\npartner = "m2u"\nslot = "{name}"\n' for name in names)
    settings.links_file.write_text("".join(tables))
    return read_links_file(settings.links_file, "127.0.0.1", 443)


def lines(settings: Settings) -> list[str]:
    return [
        line for path in settings.path_events_dir.iterdir() for line in path.read_text().splitlines() if path.is_file()
    ]


def test_events_go_into_the_spool(settings: Settings) -> None:
    desk = open_desk(settings, LinkKey(settings), None, LOG)
    assert desk.journal.record([EVENT])
    assert desk.tables.kpn_device("490154203237518") is None
    desk.close()
    assert len(lines(settings)) == 1


def test_links_are_reported_once_by_all_instances_together(settings: Settings) -> None:
    file = links(settings, "one", "two")
    start = threading.Barrier(4)

    def report() -> None:
        start.wait()
        report_links(file, settings, LinkKey(settings), None, LOG)

    threads = [threading.Thread(target=report) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines(settings)) == 2
    report_links(links(settings, "two"), settings, LinkKey(settings), None, LOG)
    assert [("removed" in line, '"one"' in line) for line in lines(settings)].count((True, True)) == 1


def test_a_folder_that_is_gone_stops_no_start(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    file = links(settings, "one")
    settings.path_events_dir.rmdir()
    report_links(file, settings, LinkKey(settings), None, LOG)
    assert "the list of links could not be kept" in caplog.text


def test_trouble_is_told_once_and_its_end(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    journal = ToldJournal(SpoolJournal(settings.path_events_dir, 1), LOG)
    full, room = "they are asked to try again: the spool is full", "is kept again"
    with caplog.at_level(logging.INFO, LOG.name):
        assert not journal.record([EVENT])
        assert not journal.record([EVENT])
        assert caplog.text.count(full) == 1
        journal._journal = SpoolJournal(settings.path_events_dir, 1 << 20)
        assert journal.record([EVENT])
        assert journal.record([EVENT])
    assert (caplog.text.count(full), caplog.text.count(room)) == (1, 1)
