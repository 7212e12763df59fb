"""A stage on which days pass: three doors call each night, and an operator comes in the morning."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engage_server.lock.firmware import Firmware
from engage_server.lock.limits import DeviceLimits
from engage_server.protocol.site_key import write_site_key
from tests.support.chains import SITE_KEY
from tests.support.commands import engage, ok
from tests.support.simulated_lock import Life, SimulatedFleet
from tests.support.transcripts.host_of_doors import HostOfDoors, serial_of_door
from tests.support.transcripts.moved_clock import MovedClock
from tests.support.transcripts.page import PageInvalid
from tests.support.transcripts.playing import Ended
from tests.support.transcripts.shell import Shell
from tests.support.transcripts.surroundings import SHOWN_FOLDER, folder_as_wide, same_everywhere

HOST, ADDRESS = "locks.example.org", "10.44.68.128"
FIRST_DAY = datetime(2026, 11, 16, 4, 0, tzinfo=UTC)
_DOORS = 3
_NIGHTS_BEFORE = 5
_FAITHFUL = Life(sleeps_in=0, battery_dies=0, is_reset=0)
_NIGHTS = re.compile(r"(?:a night|(\d+) nights)")


class SimulatedDays:
    """An installation with three doors that have called for five nights.

    Commands run on a clock that moves between them alone, so all times on a page are the same in each run.
    """

    times_vary = False

    def __init__(self, folder: Path, clock: MovedClock) -> None:
        self._clock = clock
        self._folder = folder
        self._shell = Shell(folder)
        (folder / "site.key").write_bytes(write_site_key(SITE_KEY))
        doors = "".join(f"{serial_of_door(device)}\n" for device in range(_DOORS))
        (folder / "doors.csv").write_text(f"serial\n{doors}")
        with same_everywhere():
            ok(engage(folder, "init", "--host", HOST, "--host", ADDRESS, "--site-key-file", "site.key"))
            ok(engage(folder, "site", "change", "main", "--device-network", "10.44.68.0/24"))
            ok(engage(folder, "device", "import", "doors.csv", "--site", "main"))
        self._host = HostOfDoors(folder, self._clock, HOST)
        self._fleet = SimulatedFleet(
            _DOORS, SITE_KEY, HOST, seed=1, limits=DeviceLimits(), firmware=Firmware(), life=_FAITHFUL
        )
        for _ in range(_NIGHTS_BEFORE):
            self._night()

    def run(self, command: str) -> Ended:
        """Run a command, two minutes after the one before."""
        self._clock.move(timedelta(minutes=2))
        self._host.look()
        ended = self._shell.run(command)
        self._host.follow()
        return Ended(ended.status, ended.shown.replace(str(self._folder), SHOWN_FOLDER))

    def happen(self, what: str) -> None:
        """Nights pass, or doors are changed by people."""
        nights = _NIGHTS.fullmatch(what)
        if nights:
            for _ in range(int(nights[1] or 1)):
                self._night()
        elif found := re.fullmatch(r"doors call (\S+)", what):
            self._host.host = self._fleet.name = found[1]
        else:
            raise PageInvalid(f"nothing of the kind can happen on this stage: {what}")

    def close(self) -> None:
        """Give the database's connections back."""
        self._host.close()

    def _night(self) -> None:
        """To the next morning: doors call at two."""
        morning = self._clock.now.replace(minute=0) + timedelta(days=1, hours=1)
        self._clock.now = morning.replace(hour=2)
        self._host.follow()
        self._fleet.night(self._host, self._clock.now)
        for hour in (3, morning.hour):
            self._clock.now = morning.replace(hour=hour)
            self._host.look()


@contextmanager
def simulated_days() -> Iterator[SimulatedDays]:
    """Such a stage, while its clock is this process's."""
    clock = MovedClock(FIRST_DAY)
    with folder_as_wide() as folder, clock.in_place():
        stage = SimulatedDays(folder, clock)
        try:
            yield stage
        finally:
            stage.close()
