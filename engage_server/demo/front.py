"""The servers' side of simulated nights: what devices are served, and what is recorded of them, on simulated time.

It is what a worker has: the distribution, the answers to call-ins, and the recorders that write to the spool. And what
the operators' instance has: the transfer that moves the spool into the store.
"""

from datetime import datetime, timedelta

from engage_server.composition.device_side import DeviceSide
from engage_server.composition.operator_side import OperatorSide
from engage_server.files import make_folder
from engage_server.services.call_in.dispatch import CallIns
from engage_server.services.distribution.lookup import Distribution
from engage_server.services.evidence.sightings import Sightings
from engage_server.services.evidence.spool import SpoolWriter
from engage_server.settings import Settings

_SPOOL_BYTES = 64 * 1024 * 1024


class Front:
    """Serves and records, without a socket.

    Args:
        settings: Of the demonstration.
        operators: Its services, which open the sites' keys.

    Attributes:
        at: The present moment of the simulation. Aware.
        http, https: Record what devices do. Each writes to its own file, as the two instances do.
        call_ins: Answers call-ins.
    """

    def __init__(self, settings: Settings, operators: OperatorSide, at: datetime) -> None:
        self.at = at
        make_folder(settings.spool_dir)
        self._devices = DeviceSide(settings, None)
        self._writers = [SpoolWriter(settings.spool_dir, _SPOOL_BYTES) for _ in range(2)]
        self.http = Sightings("http", self._writers[0], self._clock)
        self.https = Sightings("https", self._writers[1], self._clock)
        self.call_ins: CallIns = self._devices.call_ins(settings, self.https, self._clock, lambda sentence: None)
        keep = timedelta(days=settings.sighting_days)
        self._transfer = self._devices.sighting_transfer(settings.spool_dir, keep, operators.sites.key)

    @property
    def distribution(self) -> Distribution:
        """What is served."""
        return self._devices.distribution

    def follow(self) -> None:
        """Serve what the store says now, as a worker does when its generation has changed."""
        if self._devices.generation() != self.distribution.snapshot.generation:
            self.distribution.publish(self._devices.take_snapshot())

    def store_sightings(self, now: datetime) -> None:
        """Move everything that was recorded into the store."""
        for recorder in (self.http, self.https):
            recorder.flush()
        for writer in self._writers:
            writer.close()
        self._transfer.run(now)

    def close(self) -> None:
        """Give the database's connections back."""
        self._devices.release_connections()

    def _clock(self) -> float:
        return self.at.timestamp()
