"""From the spool to the partner's system: each device's uploads in their order, until the system has taken them.

An upload is taken when the system answers 201 or 202, as it would answer the device, or 204. A bare 200 is no such
word: it is what a portal or a proxy in the way says to everything. The system may have taken one whose answer was lost,
and gets it again then: ``Idempotency-Key`` and ``Content-Digest`` (RFC 9530) are the same each time, and tell it so.

Whatever else it answers pauses that device, and nobody else (:mod:`.delivery_pauses`). What it
answers with an error on several days is rejected and kept, so that the device's later ones have their turn.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from engage_server.errors import EngageError, FileNotUsable, UpstreamSilent
from engage_server.records import Upstream
from engage_server.services.call_in.delivery_pauses import DeliveryPauses
from engage_server.services.call_in.dispatch import pseudonym
from engage_server.services.call_in.upload_spool import Pending, Upload, UpstreamSpool
from engage_server.services.call_in.upstream_host import UpstreamAnswer, UpstreamHost, UpstreamRequest

AT_ONCE = 8
_TAKEN = frozenset({201, 202, 204})
_REJECTED = frozenset({400, 405, 409, 410, 411, 413, 414, 415, 422})  # no later try can end otherwise
_LONG_PAUSE = frozenset({401, 403, 404})  # it does not know the device, or does not take its token
_TOO_MANY = 429
_ERRORS = frozenset(range(500, 600))
_DAYS_TRIED = 3  # different days on which an upload was answered with an error, while others' were taken
_DAYS_AT_LAST = 14  # the same where nobody's was
_WELL_FOR = timedelta(days=1)
_LOOK_AGAIN = timedelta(seconds=10)  # at what waits, at the latest
_SHARE_OF_TIME = 10  # to count what waits took a second: then not again for ten


@dataclass(slots=True)
class Delivered:
    """What one look at a site's spool did.

    Attributes:
        taken: Uploads that the system has now.
        rejected: Those that it will never take, with its status.
        waiting: Those that are left.
        oldest: When the oldest of them came; None where none is left.
        trouble: Why some are left; "" where that is no fault.
    """

    taken: int = 0
    rejected: list[str] = field(default_factory=list)
    waiting: int = 0
    oldest: datetime | None = None
    trouble: str = ""


class UpstreamDelivery:
    """Delivers one site's uploads. There is one for each host and site.

    Args:
        site: The site's name.
        spool: Where uploads wait.
        upstream: The partner's system.

    Raises:
        UsageError: Its address or certificates cannot be used.
    """

    def __init__(self, site: str, spool: UpstreamSpool, upstream: Upstream) -> None:
        self.upstream = upstream
        self._site = site
        self._spool = spool
        self._host = UpstreamHost(upstream, AT_ONCE)
        self._pauses = DeliveryPauses()
        self._others_taken_at: tuple[str, date] | None = None  # the last device whose upload was taken, and when
        self._seen = Delivered()
        self._look_at: datetime | None = None

    def run(self, now: Callable[[], datetime]) -> Delivered:
        """Deliver what is there, as long as the system takes it.

        1. Too soon after the last look nothing is counted again: the last figures stand.
        2. Of all that waits, those devices are due that no pause holds back.
        3. Several devices at once, each one's uploads in order, until one has to wait.
        4. What is left is counted, for the figures and for the sentence that tells why.
        5. The next look comes after ten times as long as the counting took, ten seconds at most, and when a pause of
           the whole site ends.

        Args:
            now: The time; aware.
        """
        begun = now()
        if self._look_at is not None and begun < self._look_at:
            return self._seen  # 1: a night's uploads are many files to count every second
        done, pending = Delivered(), self._spool.pending(self._site)
        looked = now() - begun
        due = [] if self._pauses.is_paused(begun) else self._pauses.due(pending, begun)  # 2
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="upstream") as executor:  # 3
            for some in executor.map(lambda name: self._deliver(pending[name], now, done), due):
                done.taken += some
        pending = self._spool.pending(self._site) if due else pending
        self._look_at_rest(pending, done)  # 4
        pause = _LOOK_AGAIN if self._pauses.is_paused(now()) else min(_SHARE_OF_TIME * looked, _LOOK_AGAIN)
        self._look_at = self._pauses.next_look(now(), now() + pause)  # 5
        self._seen = Delivered(waiting=done.waiting, oldest=done.oldest, trouble=done.trouble)
        return done

    def _deliver(self, uploads: Sequence[Pending], now: Callable[[], datetime], done: Delivered) -> int:
        """One device's, in order; how many were taken."""
        taken = 0
        for pending in uploads:
            if self._pauses.is_paused(now()):
                break  # others have just found that nobody is there
            self._pauses.tried(pending.device, now())
            try:
                answer = self._host.call(_request(pending.read(), pending))
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
        """Whether the device's next one has its turn."""
        try:
            done.rejected.append(f"{self._spool.reject(pending, status)} (status {status})")
        except (OSError, FileNotUsable) as error:  # a full disk: nothing is thrown away for it
            self._pauses.unreadable(pending.device, now, f"{pending.path} cannot be laid aside: {error}")
            return False
        self._pauses.taken(pending.device)
        return True

    def _pause(self, device: str, answer: UpstreamAnswer, now: datetime) -> None:
        why = f"it answers {answer.status} to uploads of {device}, not 201 or 202"
        if answer.status == _TOO_MANY:
            self._pauses.busy(device, now, why, answer.retry_seconds)
        else:
            is_long = answer.status in _LONG_PAUSE
            self._pauses.answered(device, now, why, answer.retry_seconds, long=is_long)

    def _is_hopeless(self, pending: Pending, answer: UpstreamAnswer, today: date) -> bool:
        """Whether it was tried on so many days that it only keeps the device's later ones from being tried.

        Where the system took nobody's upload meanwhile, it may be the system that is ill: then much later.
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


def handed_on(content_type: str, authorization: str, address: str) -> dict[str, str]:
    """The header fields of a device's call that its partner's system gets."""
    headers = {"X-Forwarded-For": address, "Via": f"1.1 {pseudonym()}"}
    if content_type:
        headers["Content-Type"] = content_type
    if authorization:
        headers["Authorization"] = authorization
    return headers


def _request(upload: Upload, pending: Pending) -> UpstreamRequest:
    digest = hashlib.sha256(upload.body).digest()
    headers = handed_on(upload.content_type, upload.authorization, upload.address) | {
        "Content-Digest": f"sha-256=:{base64.b64encode(digest).decode('ascii')}:",
        "Idempotency-Key": f'"{pending.device}-{upload.kind}-{digest.hex()[:32]}"',
        "Engage-Received-At": upload.received_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Engage-Repeated": "?1" if upload.repeated else "?0",
    }
    return UpstreamRequest("POST", upload.target, upload.body, headers)
