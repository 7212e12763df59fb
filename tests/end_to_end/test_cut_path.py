"""A SIM is suspended while a site rotates: the running pair waits for its silent doors, and says why everywhere."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engage_server.links.journal.spool_journal import SpoolJournal
from engage_server.links.sim.accounts import SimLink
from engage_server.links.sim.polling.asking import PolledLink
from engage_server.links.sim.polling.host_turns import HostTurns
from engage_server.links.sim.polling.poller import AccountPoller, Polled
from engage_server.records import PathEvent, PathSays, Sighting, SightingKind
from engage_server.services.evidence.fold import fold
from engage_server.settings import load_settings
from engage_server.store.database.engine import open_engine
from engage_server.store.sql_store import SqlStore
from tests.support.partner import Got
from tests.support.path_events import registered
from tests.support.rotating import progress
from tests.support.running import engage, eventually, ok, running_pair
from tests.support.sim.accounts import Hours, account_at
from tests.support.sim.memory import iccid
from tests.support.sim.prism import prism
from tests.support.sim.relay import Relay
from tests.support.stored_by_pairs import sqlite
from tests.support.world import address_of, serial_of

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
PATIENCE = timedelta(hours=60)  # of a door that calls once a night
SILENT, CAME = range(1, 41), range(41, 46)


def come(folder: Path, doors: Sequence[int], release: int, *times: datetime) -> None:
    """Virtual locks finish TLS with a release, at these times."""
    store = SqlStore(open_engine(sqlite(folder)), None)
    kind = SightingKind.HANDSHAKE_FINISHED
    seen = [
        Sighting(kind, at, "https", address_of(door), serial_of(door), "main", release)
        for at in times
        for door in doors
    ]
    assert store.record_sightings(f"{release} {doors} {times[0]}", 0, 1, seen, fold, datetime.now(UTC))
    store.close()


def say(folder: Path, *events: PathEvent) -> None:
    """A link reports, as the ingress keeps it."""
    events_dir = load_settings(None, {}, {}, folder).path_events_dir
    events_dir.mkdir(parents=True, exist_ok=True)
    journal = SpoolJournal(events_dir, 1_000_000)
    assert journal.record(events)
    journal.close()


class Hand:
    """What the operator of SIMs says, written by the test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def suspend(self) -> None:
        say(self._folder, event(datetime.now(UTC), PathSays.CUT, "sim_suspended"))

    def activate(self) -> None:
        say(self._folder, event(datetime.now(UTC), PathSays.RESTORED, "sim_active"))


class OverPrism:
    """The poll asks an operator that answers by its contract. The test sets the SIM's state there, and nothing else."""

    def __init__(self, folder: Path, tmp_path: Path, relay: Relay) -> None:
        self._relay = relay
        self._events_dir = load_settings(None, {}, {}, folder).path_events_dir
        self._link = PolledLink(SimLink("depot-sim", "main", "jpu", (iccid(1),), "", ""), None)
        self._account, self._turns_dir = account_at(tmp_path, relay.url, Hours()), tmp_path

    def suspend(self) -> None:
        self._relay.states[iccid(1)] = "SUSPENDED"
        self._poll()

    def activate(self) -> None:
        self._relay.states[iccid(1)] = "ACTIVE"
        self._poll()

    def _poll(self) -> None:
        """A round, as the process does it. Its events go through the spool of the pair."""
        self._events_dir.mkdir(parents=True, exist_ok=True)
        journal = SpoolJournal(self._events_dir, 1_000_000)
        polled = Polled(self._account, [self._link], timedelta(microseconds=1))
        AccountPoller(polled, HostTurns(self._turns_dir, journal), lambda: datetime.now(UTC)).step()
        journal.close()


@pytest.fixture(
    params=[pytest.param("by hand", marks=pytest.mark.campaign("over Prism, beside")), "over Prism"],
)
def sim(request: pytest.FixtureRequest, installation: Path, tmp_path: Path) -> Iterator[Hand | OverPrism]:
    """The SIM of the site."""
    if request.param == "by hand":
        yield Hand(installation)
        return
    folder = tmp_path / "operator"
    folder.mkdir()

    def prefer(got: Got) -> str:
        return "example=data" if got.path.endswith("/reachability") else "example=active"

    with prism() as port, Relay(port, prefer=prefer) as relay:
        yield OverPrism(installation, folder, relay)


@pytest.mark.long("tests/unit/services/rotation/test_cut_path.py: the same by the services alone")
def test_forty_silent_doors_are_waited_for_and_come(installation: Path, sim: Hand | OverPrism) -> None:
    ok(engage(installation, "site", "change", "main", "--title", "Depot Nord"))
    with running_pair(installation, "--workers", "1", ENGAGE_GATE_SECONDS="0.5") as pair:
        # where the pair's gate takes the first step before the command does, the command says so with status 1
        started = engage(installation, "rotate", "start", "--way", "server-renewal", "--soak-hours", "0")
        assert "rotation 1 of main started" in started.stdout + started.stderr
        eventually(lambda: progress(installation)["state"] in ("running", "held"), "its first release is served")
        say(installation, registered(site="main", link="depot-sim"))
        sim.suspend()
        cut_at = datetime.now(UTC)
        eventually(lambda: "path: cut" in engage(installation, "status").stdout, "the pair has stored what it said")
        # each missed its habit nine seconds after the cut began, so that time has passed for all of them
        last = cut_at + 9 * SECOND - PATIENCE
        nights = [last - night * DAY for night in range(9)]
        eventually(lambda: datetime.now(UTC) > cut_at + 10 * SECOND, "they are late")
        come(installation, [*SILENT, *CAME], 1, *reversed(nights))
        come(installation, CAME, 2, datetime.now(UTC))
        eventually(lambda: "40 doors wait" in str(progress(installation)["gate"]), "the gate waits for them")
        # it may have paused between the two nights that come() stored; the gate's next look ends that
        eventually(lambda: progress(installation)["state"] == "running", "it is not held")
        found = progress(installation)
        assert "its SIM is suspended (link depot-sim)" in str(found["gate"])
        assert isinstance(found["adoption"], dict)
        assert (found["adoption"]["behind_cut"], found["adoption"]["silent"]) == (40, 0)
        because = "40 doors of Depot Nord are silent because its SIM is suspended since"
        tonight = " ".join(engage(installation, "tonight").stdout.split())
        assert because in tonight
        assert "engage sim set --site main --to ACTIVE" in tonight
        assert "longer than its habit" not in tonight
        (site,) = json.loads(engage(installation, "tonight", "--json").stdout)["sites"]
        (risk,) = [each for each in site["risks"] if each["code"] == "risk.path_cut"]
        assert (risk["silent"], because in risk["why"], site["doors"]) == (40, True, [])
        assert "cut: its SIM is suspended since" in ok(engage(installation, "site", "show", "main"))
        shown = " ".join(ok(engage(installation, "device", "show", serial_of(1))).split())
        assert "the path to its site is cut since" in shown
        metric = 'engage_site_path{site="main",state="cut"}'
        eventually(lambda: pair.metrics().get(metric) == 1, "monitoring sees it")
        assert engage(installation, "status").returncode == 1
        assert "engage sim set --site main --to ACTIVE" in engage(installation, "link", "list").stdout
        sim.activate()
        eventually(lambda: "the path to the site was cut until" in str(progress(installation)["gate"]), "it is back")
        come(installation, SILENT, 2, datetime.now(UTC))
        eventually(lambda: progress(installation)["state"] == "done", "they came, and it went on")


def event(at: datetime, says: PathSays, kind: str) -> PathEvent:
    """What the operator of SIMs says."""
    return PathEvent("main", "depot-sim", at, kind, says, {"thing": "8931440000000000001"})
