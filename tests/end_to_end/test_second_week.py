"""What an operator is told in the second week: of hosts that were taken away, of lists, of sites for trials."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engage_server.records import Sighting, SightingKind
from engage_server.services.evidence.fold import fold
from engage_server.store.database.engine import open_engine
from engage_server.store.sql_store import SqlStore
from tests.support.chains import HOSTS
from tests.support.running import engage, ok
from tests.support.stored_by_pairs import sqlite
from tests.support.world import address_of, serial_of

OLD, NEW = HOSTS[0].text, "doors.example.org"
NEW_OPTIONS = [text for host in (NEW, *(each.text for each in HOSTS[1:])) for text in ("--host", host)]


def come(folder: Path, *devices: int, host: str = OLD, refused_after: bool = False) -> None:
    """These devices call a host, and finish TLS with release 1; or then refuse what is served."""
    store = SqlStore(open_engine(sqlite(folder)), None)
    now = datetime.now(UTC)
    seen = [
        Sighting(kind, at, listener, address_of(device), serial_of(device), "main", 1, host=called, failure=failure)
        for device in devices
        for kind, at, listener, called, failure in (
            (SightingKind.NOTICE, now - timedelta(seconds=9), "http", host, ""),
            (SightingKind.CERTIFICATE, now - timedelta(seconds=8), "http", "", ""),
            (SightingKind.HANDSHAKE_FINISHED, now - timedelta(seconds=7), "https", "", ""),
            (SightingKind.HANDSHAKE_FAILED, now - timedelta(seconds=3), "https", "", "alert bad_certificate"),
        )
        if refused_after or kind is not SightingKind.HANDSHAKE_FAILED
    ]
    assert store.record_sightings(f"{devices} {now}", 0, 1, seen, fold, now)
    store.close()


def json_of(folder: Path, *command: object) -> Any:
    return json.loads(engage(folder, *command, "--json").stdout)


def next_of(shown: str) -> str:
    return str(re.findall(r"^next: (.*)", shown, re.MULTILINE)[-1])


class TestRemovedHosts:
    @pytest.fixture
    def moved(self, installation: Path) -> Path:
        """Three doors call a host that was taken away; a fourth one calls another."""
        come(installation, 1, 2, 3)
        come(installation, 4, host="127.0.0.1")
        ok(engage(installation, "site", "change", "main", *NEW_OPTIONS))
        return installation

    def test_a_rotation_says_who_will_refuse(self, moved: Path) -> None:
        started = engage(moved, "rotate", "start")
        assert f"warning: {OLD} is no host of main: the next certificate is not for it." in started.stderr
        assert "3 doors called it within 30 days, such as " in started.stderr
        (site,) = json_of(moved, "status")["sites"]
        (told,) = site["other_hosts_called"]
        assert (told["host"], told["devices"], told["refused"]) == (OLD, 3, True)
        status = engage(moved, "status")
        assert status.returncode == 1
        assert f"other host: {OLD} is no host of main. 3 doors called it" in status.stdout
        assert "The certificate is not for it: they refuse TLS." in status.stdout

    def test_an_activation_says_who_will_refuse(self, moved: Path) -> None:
        """As a rotation does. A release that is for the old host is served without a word."""
        ok(engage(moved, "chain", "build", "certs/moved", *NEW_OPTIONS))
        ok(engage(moved, "release", "stage", "certs/moved"))
        activated = engage(moved, "release", "activate", 2, "--yes")
        assert activated.returncode == 0
        assert f"warning: {OLD} is no host of main: the certificate of release 2 is not for it." in activated.stderr
        assert "3 doors called it within 30 days, such as " in activated.stderr
        back = engage(moved, "release", "activate", 1, "--yes", "--override", "san.host_missing=for a moment")
        assert back.returncode == 0, back.stderr
        assert "is no host of main" not in back.stderr

    def test_before_it_they_are_still_answered(self, moved: Path) -> None:
        """The certificate that is served is for the old host, too; who has it is not told again."""
        (site,) = json_of(moved, "status")["sites"]
        assert site["other_hosts_called"] == []

    def test_who_still_calls_it_is_listed(self, moved: Path) -> None:
        """Before an old name is removed, not by the warning afterwards."""
        rows = ok(engage(moved, "device", "list", "--calls", OLD))
        assert [serial_of(device) in rows for device in (1, 2, 3, 4)] == [True, True, True, False]
        troubled = ok(engage(moved, "device", "list", "--troubled", "--calls", OLD))
        assert "no device called" in troubled
        assert "no device called nobody.example.org last" in ok(
            engage(moved, "device", "list", "--calls", "nobody.example.org")
        )

    def test_why_such_a_door_refuses(self, moved: Path) -> None:
        come(moved, 1, refused_after=True)
        come(moved, 4, host="127.0.0.1", refused_after=True)
        shown = " ".join(ok(engage(moved, "device", "list", "--troubled")).split())
        assert (
            f"it calls {OLD}, which site main does not have: the certificate is not valid for it; it reports bad"
            in shown
        )
        one, other = (" ".join(ok(engage(moved, "device", "show", serial_of(each))).split()) for each in (1, 4))
        assert f"it calls {OLD}, which site main does not have" in one
        assert "by its clock" in other, "it calls a host that is there"
        assert "is no host" not in other

    def test_nobody_is_named_where_nobody_calls(self, installation: Path) -> None:
        come(installation, 1, host="127.0.0.1")
        ok(engage(installation, "site", "change", "main", *NEW_OPTIONS))
        assert "is no host of main" not in engage(installation, "rotate", "start").stderr


class TestLists:
    def test_the_first_of_a_list_lets_the_others_count_no_more_and_says_so(self, installation: Path) -> None:
        come(installation, 1, 2, 3)
        assert not any(each["stranger"] for each in json_of(installation, "device", "list"))
        assert "*" not in ok(engage(installation, "device", "list"))
        added = engage(installation, "device", "add", serial_of(1), "--site", "main")
        unlisted = "2 more devices finished TLS and are not on the site's list: no rotation counts them"
        assert f"warning: main counts the devices on its list; {unlisted}" in added.stderr
        shown = ok(engage(installation, "device", "list"))
        assert unlisted in shown
        assert [f"{serial_of(device)} *" in shown for device in (1, 2, 3)] == [False, True, True]
        told = {each["serial"]: each["stranger"] for each in json_of(installation, "device", "list")}
        assert told == {serial_of(1): False, serial_of(2): True, serial_of(3): True}

    def test_an_imported_list_too(self, installation: Path) -> None:
        come(installation, 1, 2)
        (installation / "doors.csv").write_text(f"{serial_of(1)}\n")
        imported = engage(installation, "device", "import", "doors.csv", "--site", "main")
        assert "1 more device finished TLS and is not on the site's list" in imported.stderr
        again = engage(installation, "device", "import", "doors.csv", "--site", "main", "--json")
        assert "1 more device finished TLS and is not on the site's list" in again.stderr
        (installation / "doors.csv").write_text(f"{serial_of(2)}\n")
        assert "warning" not in engage(installation, "device", "import", "doors.csv", "--site", "main").stderr


def test_every_list_says_that_a_site_is_for_trials(installation: Path) -> None:
    """The installation of tests was made for trials; a second site was not."""
    ok(engage(installation, "site", "add", "north", "--host", "north.example.org", "--site-key-file", "site.key"))
    ok(engage(installation, "chain", "build", "certs/north", "--host", "north.example.org"))
    ok(engage(installation, "release", "stage", "certs/north", "--site", "north"))
    ok(engage(installation, "release", "activate", 1, "--site", "north"))
    for site, is_for_trials in (("main", True), ("north", False)):
        engage(installation, "rotate", "start", "--site", site, "--way", "server-renewal")
        ok(engage(installation, "device", "add", serial_of(1 + is_for_trials), "--site", site))
        for command in (("release", "list"), ("device", "list"), ("rotate", "status"), ("site", "show", site)):
            options = () if command[0] == "site" else ("--site", site)
            assert ("(for trials)" in ok(engage(installation, *command, *options))) is is_for_trials, command
            found = json_of(installation, *command, *options)
            assert {each["for_trials"] for each in (found if isinstance(found, list) else [found])} == {is_for_trials}


class TestNextSteps:
    """Each can be pasted: nothing is left to fill in that is known."""

    def test_none_has_a_place_to_fill_in(self, installation: Path) -> None:
        for command in (("release", "list"), ("site", "list"), ("rotate", "status"), ("release", "activate", 1)):
            step = next_of(ok(engage(installation, *command)))
            assert not re.search(r"\b(?:NAME|N|DIR|HOST)\b", step), step

    def test_how_a_device_would_see_it(self, installation: Path) -> None:
        with (installation / "engage.toml").open("a") as settings:
            settings.write("\nhttp_port = 8080\nhttps_port = 8443\n")
        step = next_of(ok(engage(installation, "release", "activate", 1)))
        assert step.startswith(f"engage lock fetch http://{OLD}:8080 --https-port 8443 --site main shows") or (
            f" lock fetch http://{OLD}:8080 --https-port 8443 --site main shows" in step
        )

    def test_a_site_that_serves_nothing(self, installation: Path) -> None:
        ok(engage(installation, "site", "add", "north", "--host", "n.example", "--site-key-file", "site.key"))
        step = next_of(engage(installation, "status").stdout)
        folder = installation / "certs" / "north"
        assert f"chain build {folder} --host n.example, then " in step
        assert step.endswith(f"release stage {folder} --site north")

    def test_a_settings_file_that_was_named_from_another_folder(self, installation: Path, tmp_path: Path) -> None:
        listed = ok(engage(installation.parent, "--config", f"{installation.name}/engage.toml", "site", "list"))
        assert f"--config {installation / 'engage.toml'} site show main" in next_of(listed)

    def test_after_an_approval_that_leaves_doors_behind(self, installation: Path) -> None:
        come(installation, 1, 2)
        ok(engage(installation, "rotate", "start", "--way", "cut-over", "--yes"))
        approved = ok(engage(installation, "rotate", "approve", "--reason", "now"))
        assert "safe to retire release 1: no: 2 doors do not provably hold the anchor of release 2" in " ".join(
            approved.split()
        )
        assert next_of(approved).endswith("device list --site main --missing")
        ok(engage(installation, "release", "rollback"))
        status = ok(engage(installation, "rotate", "status"))
        assert "releases 1 -> 2\n  served today: release 1\n" in status
        assert [each["current_release"] for each in json_of(installation, "rotate", "status")] == [1]


class TestQuestions:
    @pytest.mark.parametrize(
        "command",
        [
            ("device", "remove", serial_of(1)),
            ("release", "retire", 1),
            ("site", "remove", "main", "--destroy-site-key", "main"),
        ],
        ids=lambda command: " ".join(map(str, command[:2])),
    )
    def test_that_nobody_answers_change_nothing_and_say_what_to_write(
        self, installation: Path, command: tuple[object, ...]
    ) -> None:
        ok(engage(installation, "device", "add", serial_of(1), "--site", "main"))
        before = ok(engage(installation, "audit", "show"))
        asked = engage(installation, *command)
        assert asked.returncode == 1
        assert "error [not_confirmed]: nobody answered, so nothing was changed" in asked.stderr
        assert "run the command again with --yes" in asked.stderr
        assert ok(engage(installation, "audit", "show")) == before

    def test_no_is_an_answer(self, installation: Path) -> None:
        ok(engage(installation, "device", "add", serial_of(1), "--site", "main"))
        asked = engage(installation, "device", "remove", serial_of(1), stdin=b"n\n")
        assert (asked.returncode, "not_confirmed" in asked.stderr) == (130, False)


def test_a_device_of_another_site_can_be_taken_from_there(installation: Path) -> None:
    ok(engage(installation, "site", "add", "north", "--host", "n.example", "--site-key-file", "site.key"))
    ok(engage(installation, "device", "add", serial_of(1), "--site", "main"))
    refused = engage(installation, "device", "add", serial_of(1), "--site", "north")
    assert f"device remove {serial_of(1)} --site main" in next_of(refused.stderr)
    ok(engage(installation, "device", "remove", serial_of(1), "--site", "main", "--yes"))
    ok(engage(installation, "device", "add", serial_of(1), "--site", "north"))


def test_an_installation_without_a_site_is_not_well(installation: Path) -> None:
    ok(engage(installation, "site", "remove", "main", "--destroy-site-key", "main", "--yes"))
    assert engage(installation, "status").returncode == 1
