"""Delivers uploads from the spool to their destination, each device's in order, until it accepts them.

Usually that is the partner's system. :mod:`engage_server.services.shared_files.destinations` has others, which answer
as a system would.

The system accepts an upload with 201 or 202, as it would answer the device, or with 204. A plain 200 does not count:
a portal or proxy in between answers that to everything. If the answer was lost, the system may have accepted the
upload and gets it again. It can see that: ``Idempotency-Key`` and ``Content-Digest`` (RFC 9530) are the same each time.

Any other answer pauses that device and no other (:mod:`.delivery_pauses`). An upload that gets an error on several
days is rejected and kept, so that the device's later uploads can be tried.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol

from engage_server.errors import EngageError, FileNotUsable, UpstreamSilent
from engage_server.records import Upstream
from engage_server.services.call_in.delivering.delivery_pauses import DeliveryPauses
from engage_server.services.call_in.delivering.upload_spool import Pending, Upload, UpstreamSpool
from engage_server.services.call_in.dispatch import pseudonym
from engage_server.services.call_in.upstream_host import UpstreamAnswer, UpstreamHost, UpstreamRequest
from engage_server.services.device_files.fault_journal import NO_DEVICE, CallFault, FaultJournal

AT_ONCE = 8
_TAKEN = frozenset({201, 202, 204})
_REJECTED = frozenset({400, 405, 409, 410, 411, 413, 414, 415, 422})  # a later try cannot end differently
_LONG_PAUSE = frozenset({401, 403, 404})  # it does not know the device, or does not accept its token
_TOO_MANY = 429
_ERRORS = frozenset(range(500, 600))
_DAYS_TRIED = 3  # different days on which an upload got an error while uploads of others were accepted
_DAYS_AT_LAST = 14  # the same while none was accepted
_WELL_FOR = timedelta(days=1)
_LOOK_AGAIN = timedelta(seconds=10)  # the longest time until the spool is counted again
_RECORDED_AGAIN = timedelta(hours=1)  # the journal shows what was recorded within a day
_SHARE_OF_TIME = 10  # if counting the spool took one second, it is not counted again for ten


@dataclass(slots=True)
class Delivered:
    """The result of one run over a site's spool.

    Attributes:
        taken: How many uploads the system accepted.
        rejected: The uploads that it will never accept, with its status.
        waiting: How many uploads are left.
        oldest: When the oldest of them arrived; None if none is left.
        trouble: Why some are left; "" if that is not a fault.
    """

    taken: int = 0
    rejected: list[str] = field(default_factory=list)
    waiting: int = 0
    oldest: datetime | None = None
    trouble: str = ""

    def with_those_of(self, other: "Delivered") -> "Delivered":
        """The result of both: a site may have uploads for two destinations."""
        times = [each for each in (self.oldest, other.oldest) if each is not None]
        rejected = [*other.rejected, *self.rejected]
        trouble = other.trouble or self.trouble
        waiting = self.waiting + other.waiting
        return Delivered(self.taken + other.taken, rejected, waiting, min(times, default=None), trouble)


class Destination(Protocol):
    """Where uploads go. Used by many threads at once.

    Attributes:
        name: What people call it.
    """

    name: str

    def give(self, pending: Pending) -> UpstreamAnswer:
        """Give it one upload. 201, 202 or 204: it has it.

        Raises:
            UpstreamSilent: It did not answer. It may have accepted the upload anyway.
            EngageError: The upload cannot be read, or has no room there.
        """


class UploadDelivery:
    """Delivers one site's uploads. There must be only one for each host, site and destination.

    Args:
        site: The site's name.
        spool: Where uploads wait.
        destination: Where they go.
        journal: Keeps the reason for which uploads wait; None for no journal.
    """

    def __init__(
        self, site: str, spool: UpstreamSpool, destination: Destination, journal: FaultJournal | None = None
    ) -> None:
        self._journal = journal
        self._recorded: CallFault | None = None
        self.destination = destination
        self._site = site
        self._spool = spool
        self._pauses = DeliveryPauses()
        self._others_taken_at: tuple[str, date] | None = None  # the last device whose upload was accepted, and when
        self._seen = Delivered()
        self._look_at: datetime | None = None

    def run(self, now: Callable[[], datetime]) -> Delivered:
        """Deliver the waiting uploads, as long as the system accepts them.

        1. Too soon after the last run, nothing is counted again and the last figures stay.
        2. Of the devices with waiting uploads, those without a pause are due.
        3. Several devices are delivered at once. Each one's uploads go in order, until one has to wait.
        4. The uploads that are left are counted, for the figures and for the reported reason.
        5. The next run comes after ten times as long as the counting took, but at most ten seconds later. It also comes
           when a pause of the whole site ends.

        Args:
            now: Gives the time, timezone-aware.
        """
        begun = now()
        if self._look_at is not None and begun < self._look_at:
            return self._seen  # 1: a night's uploads are too many files to count every second
        done, pending = Delivered(), self._spool.pending(self._site)
        looked = now() - begun
        due = [] if self._pauses.is_paused(begun) else self._pauses.due(pending, begun)  # 2
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="upstream") as executor:  # 3
            for some in executor.map(lambda name: self._deliver(pending[name], now, done), due):
                done.taken += some
        pending = self._spool.pending(self._site) if due else pending
        self._look_at_rest(pending, done)  # 4
        self._record(done.trouble, now())
        pause = _LOOK_AGAIN if self._pauses.is_paused(now()) else min(_SHARE_OF_TIME * looked, _LOOK_AGAIN)
        self._look_at = self._pauses.next_look(now(), now() + pause)  # 5
        self._seen = Delivered(waiting=done.waiting, oldest=done.oldest, trouble=done.trouble)
        return done

    def _record(self, trouble: str, now: datetime) -> None:
        """Keep the reason for ``engage status``, again each hour while it lasts."""
        before = self._recorded
        is_kept = before is not None and before.sentence == trouble and now - before.at < _RECORDED_AGAIN
        if trouble and not is_kept and self._journal is not None:
            self._recorded = CallFault(now, NO_DEVICE, trouble)
            self._journal.record(self._site, self._recorded)

    def _deliver(self, uploads: Sequence[Pending], now: Callable[[], datetime], done: Delivered) -> int:
        """Deliver one device's uploads in order; returns how many were accepted."""
        taken = 0
        for pending in uploads:
            if self._pauses.is_paused(now()):
                break  # other devices just got no answer
            self._pauses.tried(pending.device, now())
            try:
                answer = self.destination.give(pending)
            except UpstreamSilent as silent:
                self._pauses.silent(pending.device, now(), silent.sentence)
                break
            except EngageError as error:
                self._pauses.unreadable(pending.device, now(), error.sentence)
                break
            if answer.status in _TAKEN:
                self._spool.done(pending)
                taken += 1
                self._pauses.taken(pending.device)
                self._others_taken_at = pending.device, now().date()
            elif answer.status in _REJECTED or self._is_hopeless(pending, answer, now().date()):
                if not self._reject(pending, answer.status, now(), done):
                    break
            else:
                self._pause(pending.device, answer, now())
                break
        return taken

    def _reject(self, pending: Pending, status: int, now: datetime, done: Delivered) -> bool:
        """Reject an upload; returns whether the device's next one can be tried."""
        try:
            done.rejected.append(f"{self._spool.reject(pending, status)} (status {status})")
        except (OSError, FileNotUsable) as error:  # a full disk: nothing is dropped
            self._pauses.unreadable(pending.device, now, f"{pending.path} cannot be moved to refused/: {error}")
            return False
        self._pauses.taken(pending.device)
        return True

    def _pause(self, device: str, answer: UpstreamAnswer, now: datetime) -> None:
        why = f"it answers {answer.status} to uploads of {device}, not 201, 202 or 204"
        if answer.status == _TOO_MANY:
            self._pauses.busy(device, now, why, answer.retry_seconds)
        else:
            is_long = answer.status in _LONG_PAUSE
            self._pauses.answered(device, now, why, answer.retry_seconds, long=is_long)

    def _is_hopeless(self, pending: Pending, answer: UpstreamAnswer, today: date) -> bool:
        """Whether an upload was tried on so many days that it only blocks the device's later ones.

        If the system accepted no other device's upload meanwhile, the fault may be the system's: it takes more days.
        """
        if answer.status not in _ERRORS:
            return False
        try:
            days = self._spool.tries(pending).add(today)
        except FileNotUsable:  # a full disk: it is tried again
            return False
        others = self._others_taken_at
        is_well = others is not None and others[0] != pending.device and today - others[1] <= _WELL_FOR
        return days >= (_DAYS_TRIED if is_well else _DAYS_AT_LAST)

    def _look_at_rest(self, pending: Mapping[str, Sequence[Pending]], done: Delivered) -> None:
        done.waiting = sum(map(len, pending.values()))
        self._pauses.forget_all_but(pending)
        done.trouble = self._pauses.trouble() if done.waiting else ""
        firsts = [uploads[0].received() for uploads in pending.values()]
        done.oldest = min((each for each in firsts if each is not None), default=None)


class UpstreamDestination:
    """Implements :class:`Destination` with a partner's system.

    Args:
        upstream: The system.

    Raises:
        UsageError: Its address or certificates cannot be used.
    """

    name = "upstream system"

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self._host = UpstreamHost(upstream, AT_ONCE)

    def give(self, pending: Pending) -> UpstreamAnswer:
        """Send it as the device did."""
        return self._host.call(_request(pending.read(), pending))


class UpstreamDelivery(UploadDelivery):
    """Delivers one site's uploads to its partner's system; see :class:`UploadDelivery`."""

    def __init__(
        self, site: str, spool: UpstreamSpool, upstream: Upstream, journal: FaultJournal | None = None
    ) -> None:
        super().__init__(site, spool, UpstreamDestination(upstream), journal)


def handed_on(
    content_type: str, authorization: str, address: str, serial: str | None, *, marked: bool = False
) -> dict[str, str]:
    """The header fields that the partner's system gets with a device's call.

    Args:
        content_type: Empty for none.
        authorization: Empty for none.
        address: The device's address.
        serial: The device that this host takes the caller for, which is no proof; None if it is unknown.
        marked: Whether a virtual lock marked the call as its own.
    """
    headers = {"X-Forwarded-For": address, "Via": f"1.1 {pseudonym()}"}
    if serial is not None:  # the call itself may say nothing: a device names itself once on a connection
        headers["Engage-Device"] = serial
    if marked:
        headers["Engage-Virtual-Lock"] = "?1"
    if content_type:
        headers["Content-Type"] = content_type
    if authorization:
        headers["Authorization"] = authorization
    return headers


def _request(upload: Upload, pending: Pending) -> UpstreamRequest:
    digest = hashlib.sha256(upload.body).digest()
    headers = handed_on(
        upload.content_type, upload.authorization, upload.address, pending.serial, marked=upload.marked
    ) | {
        "Content-Digest": f"sha-256=:{base64.b64encode(digest).decode('ascii')}:",
        "Idempotency-Key": f'"{pending.device}-{upload.kind}-{digest.hex()[:32]}"',
        "Engage-Received-At": upload.received_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Engage-Repeated": "?1" if upload.repeated else "?0",
    }
    return UpstreamRequest("POST", upload.target, upload.body, headers)
