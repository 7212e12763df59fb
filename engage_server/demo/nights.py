"""What doors do in a night: call by TLS, fetch the anchor if that fails, call in. Judged as the virtual lock judges."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from random import Random
from urllib.parse import urlsplit

from cryptography import x509

from engage_server.demo.bodies import calls_of
from engage_server.demo.doors import SEED, SILENT_NIGHTS, Door, Trouble
from engage_server.demo.front import Front
from engage_server.lock.acceptance.without_socket import assert_accepted
from engage_server.lock.firmware import Firmware
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.refusal import DeviceRefusal
from engage_server.protocol import paths
from engage_server.protocol.site_key import anchor_hash, hashes_equal
from engage_server.records import Host, Secret, SightingKind
from engage_server.services.distribution.lookup import Refusal

_REFUSED = "alert unknown_ca"
_SLEEPS_IN = 0.01  # chance for each door and night; at sites with troubles alone
_TALKING_NIGHTS = 4  # before now, in which talkative doors call in with all their calls


class SiteNights:
    """The doors of one site through all nights.

    Args:
        front: Whom they call.
        doors: The doors.
        host: The host that they call.
        key: The site key that they were commissioned with.
        nights: How many nights there are.
        cut: The nights in which no call comes through, whatever the doors do.
    """

    def __init__(
        self,
        front: Front,
        doors: Sequence[Door],
        host: Host,
        key: Secret,
        nights: int,
        cut: Collection[int] = frozenset(),
    ) -> None:
        self._cut = cut
        self._front, self._doors, self._host, self._key, self._nights = front, doors, host, key, nights
        self._anchors: dict[str, bytes] = {}
        self._verdicts: dict[tuple[bytes, tuple[bytes, ...]], bool] = {}
        self._random = Random(f"{SEED} {host.text}")  # noqa: S311  # nothing is kept secret by it
        self._sleeps_in = _SLEEPS_IN if any(door.trouble is not Trouble.NONE for door in doors) else 0.0

    def live(self, night: int, midnight: datetime) -> None:
        """Let all doors call that call in this night.

        Args:
            night: 0 for the first one.
            midnight: When it begins. Aware.
        """
        self._front.follow()
        self._verdicts.clear()  # dates are judged anew each night
        for door in sorted(self._doors, key=lambda each: each.minute):
            late, sleeps = self._random.random() * 600, self._random.random() < self._sleeps_in
            if self._calls(door, night) and not sleeps:
                self._call(door, night, midnight + timedelta(minutes=door.minute, seconds=round(late)))

    def _calls(self, door: Door, night: int) -> bool:
        if night < door.since or night in self._cut or door.trouble is Trouble.NEVER_CAME:
            return False
        if door.trouble is Trouble.SILENT:
            return night < self._nights - min(SILENT_NIGHTS, self._nights // 2)
        return door.trouble is not Trouble.BATTERY or (self._nights - 1 - night) % 2 == 0

    def _call(self, door: Door, night: int, at: datetime) -> None:
        self._front.at = at
        has_come = door.serial in self._anchors and self._shakes_hands(door)
        if has_come or (self._fetches(door) and self._shakes_hands(door)):
            self._call_in(door, night)

    def _shakes_hands(self, door: Door) -> bool:
        """Call by TLS. Returns whether the door accepted the chain."""
        release = self._front.distribution.tls_release(self._host.text)
        if release is None:
            return False
        name, number, recorder = release.site, release.number, self._front.https
        if not self._accepts(self._anchors[door.serial], release.chain):
            recorder.handshake_failed(door.address, name, number, door.tls, _REFUSED, marked=True)
            self._pass_seconds(2)
            return False
        recorder.handshake_finished(
            door.address, name, number, door.tls, resumed=False, serial=door.serial, marked=True
        )
        return True

    def _accepts(self, anchor: bytes, sent: tuple[bytes, ...]) -> bool:
        known = self._verdicts.get((anchor, sent))
        if known is None:
            chain = [x509.load_der_x509_certificate(each) for each in sent]
            trusted = x509.load_der_x509_certificate(anchor)
            try:
                assert_accepted(chain, trusted, self._host.text, self._front.at, DeviceLimits(), Firmware())
                known = True
            except DeviceRefusal:
                known = False
            self._verdicts[anchor, sent] = known
        return known

    def _fetches(self, door: Door) -> bool:
        """Ask for the notice, download the anchor that it names, and check its hash. Returns whether it was taken."""
        if door.trouble is Trouble.OLD_ANCHOR and door.serial in self._anchors:
            return False  # port 80 was closed to it after it was commissioned
        notice = self._front.distribution.notice(self._host.text, "", door.address)
        if isinstance(notice, Refusal):
            return False
        recorder = self._front.http
        recorder.answered(SightingKind.NOTICE, notice, door.address, door.serial, marked=True, host=self._host.text)
        if door.trouble is Trouble.NO_DOWNLOAD:
            return False
        said = json.loads(notice.content)
        path = urlsplit(said["cert_url"]).path
        found = self._front.distribution.der(
            path.removeprefix(paths.DER_PREFIX).removesuffix(paths.DER_SUFFIX), door.address
        )
        if isinstance(found, Refusal):
            return False
        self._pass_seconds(1)
        recorder.answered(SightingKind.CERTIFICATE, found, door.address, door.serial, marked=True)
        self._pass_seconds(2)
        if not hashes_equal(anchor_hash(self._key, found.content), said["hash"]):
            return False
        self._anchors[door.serial] = found.content
        return True

    def _call_in(self, door: Door, night: int) -> None:
        """Call in: with all calls, or as the evidence sees it alone, which is many times cheaper."""
        self._pass_seconds(1)
        if not door.is_talkative or night < self._nights - _TALKING_NIGHTS:
            self._front.https.called_in(door.site, door.address, door.serial, marked=True, host=self._host.text)
            return
        for call in calls_of(door, self._host, self._front.at):
            self._front.call_ins.answer(call)

    def _pass_seconds(self, seconds: int) -> None:
        self._front.at += timedelta(seconds=seconds)
