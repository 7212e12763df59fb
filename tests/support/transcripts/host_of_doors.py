"""A host that serves doors on a moved clock: what workers and the operators' instance do, without a socket."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from engage_server.composition.device_side import DeviceSide
from engage_server.composition.operator_side import open_operator_side
from engage_server.composition.starting.release_key import derived_release_key
from engage_server.files import make_folder
from engage_server.protocol import paths
from engage_server.protocol.serial_number import encode_serial
from engage_server.records import Occasion, SightingKind, WorkerStatus
from engage_server.services.distribution.lookup import Refusal
from engage_server.services.distribution.snapshot import ServedAnswer
from engage_server.services.evidence.sightings import Sightings
from engage_server.services.evidence.spool import SpoolWriter
from engage_server.settings import load_settings
from engage_server.store.sealing import ReleaseSealer
from tests.support.transcripts.moved_clock import MovedClock
from tests.support.world import serial_of

_ACTOR = "the servers themselves"
_LISTENERS = ("http", "http", "https", "https", "operators")
_SPOOL_BYTES = 1024 * 1024


class HostOfDoors:
    """What doors can ask of it, what it writes down, and what it does by itself.

    Args:
        folder: The installation's.
        clock: The time.

    Attributes:
        host: What doors call.
    """

    def __init__(self, folder: Path, clock: MovedClock, host: str) -> None:
        self._settings = load_settings(None, {}, {}, folder)
        self._clock = clock
        self._side = DeviceSide(self._settings, ReleaseSealer(derived_release_key(self._settings, {})))
        self.host = host
        make_folder(self._settings.spool_dir)
        self._spool = SpoolWriter(self._settings.spool_dir, _SPOOL_BYTES)
        self._by_http = self._sightings("http")
        self._by_tls = self._sightings("https")
        self.follow()

    def _sightings(self, listener: str) -> Sightings:
        return Sightings(listener, self._spool, lambda: self._clock.now.timestamp())

    def close(self) -> None:
        """Give the database's connections back."""
        self._spool.close()
        self._side.release_connections()

    def follow(self) -> None:
        """What its workers do within a second of a change, and every few seconds: follow the store, and say so."""
        distribution = self._side.distribution
        if self._side.generation() != distribution.snapshot.generation:
            distribution.publish(self._side.take_snapshot())
        snapshot = distribution.snapshot
        served = {site: release.number for site, release in snapshot.current.items()}
        for number, listener in enumerate(_LISTENERS):
            pid = 711 + number
            worker = f"{listener} {pid} on gate-1"
            self._side.heartbeat(WorkerStatus(worker, "gate-1", pid, listener, snapshot.generation, served, {}))

    def look(self) -> None:
        """What its operators' instance does over and over: store what doors did, and move rotations on."""
        self._by_http.flush()
        self._by_tls.flush()
        self._spool.close()
        side = open_operator_side(self._settings, {})
        try:
            keep = timedelta(days=self._settings.sighting_days)
            self._side.sighting_transfer(self._settings.spool_dir, keep, side.sites.key).run(self._clock.now)
            for rotation in side.rotations.all():
                if rotation.state.is_open:
                    side.rotations.go_on(rotation.site, Occasion(_ACTOR, self._clock.now, self._clock.boot()))
        finally:
            side.close()
        self.follow()

    # --- what doors ask: see tests/support/simulated_lock.py

    def notice(self, device: int) -> bytes | None:
        """The notice's body."""
        query = f"serialNumber={quote(encode_serial(serial_of_door(device)), safe='=+/')}"
        found = self._side.distribution.notice(self.host, query, _address(device))
        return self._given(SightingKind.NOTICE, device, found)

    def der(self, device: int, path: str) -> bytes | None:
        """What this path gives."""
        digest = path.removeprefix(paths.DER_PREFIX).removesuffix(paths.DER_SUFFIX)
        return self._given(SightingKind.CERTIFICATE, device, self._side.distribution.der(digest, _address(device)))

    def presented(self, device: int) -> tuple[bytes, ...]:
        """The chain that TLS sends."""
        release = self._side.distribution.tls_release(self.host)
        return release.chain if release else ()

    def shaken(self, device: int, why: str) -> None:
        """How a handshake ended; a door that came through says on its connection who it is."""
        release = self._side.distribution.tls_release(self.host)
        assert release is not None
        site, number = release.site, release.number
        if why:
            self._by_tls.handshake_failed(_address(device), site, number, "TLSv1.3", "alert unknown_ca")
            return
        serial = serial_of_door(device)
        self._by_tls.handshake_finished(_address(device), site, number, "TLSv1.3", resumed=False, serial=serial)
        notice = self._side.distribution.notice(self.host, "", _address(device))
        assert isinstance(notice, ServedAnswer)
        self._by_tls.answered(SightingKind.NOTICE, notice, _address(device), serial, host=self.host)

    def _given(self, kind: SightingKind, device: int, found: ServedAnswer | Refusal) -> bytes | None:
        if isinstance(found, Refusal):
            return None
        host = self.host if kind is SightingKind.NOTICE else ""
        serial = serial_of_door(device) if kind is SightingKind.NOTICE else None
        self._by_http.answered(kind, found, _address(device), serial, host=host)
        return found.content


def serial_of_door(device: int) -> str:
    """The first door has number 1."""
    return serial_of(device + 1)


def _address(device: int) -> str:
    return f"10.44.68.{21 + device}"
