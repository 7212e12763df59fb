"""From the spool to the partner's system: each device's uploads in their order, until the system has taken them.

An upload is taken when the system answers 201 or 202, as it would answer the device, or 204. A bare 200 is no such
word: it is what a portal or a proxy in the way says to everything. The system may have taken one whose answer was lost,
and gets it again then: ``Idempotency-Key`` and ``Content-Digest`` (RFC 9530) are the same each time, and tell it so.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engage_server.errors import EngageError, UpstreamAway
from engage_server.records import Upstream
from engage_server.services.call_in import pseudonym
from engage_server.services.upstream import UpstreamHost, UpstreamRequest
from engage_server.services.upstream_spool import Pending, Upload, UpstreamSpool

AT_ONCE = 8
_TAKEN = frozenset({201, 202, 204})
_LAID_ASIDE = frozenset({400, 405, 409, 410, 411, 413, 414, 415, 422})  # no later try can end otherwise
_FIRST_PAUSE = timedelta(seconds=1)
_LONGEST_PAUSE = timedelta(seconds=16)
_LOOK_AGAIN = timedelta(seconds=10)  # at what waits, while the system is left alone
_DEVICE_PAUSE = timedelta(minutes=5)  # of a device that the system does not know, or whose token it does not take


@dataclass(slots=True)
class Delivered:
    """What one look at a site's spool did.

    Attributes:
        taken: Uploads that the system has now.
        laid_aside: Those that it will never take, with its status.
        waiting: Those that are left.
        oldest: When the oldest of them came; None where none is left.
        trouble: Why some are left; "" where that is no fault.
    """

    taken: int = 0
    laid_aside: list[str] = field(default_factory=list)
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
        UsageError: Its address or certificates can not be used.
    """

    def __init__(self, site: str, spool: UpstreamSpool, upstream: Upstream) -> None:
        self.upstream = upstream
        self._site = site
        self._spool = spool
        self._host = UpstreamHost(upstream, AT_ONCE)
        self._not_before: datetime | None = None
        self._pause = _FIRST_PAUSE
        self._trouble = ""  # of the system; a single device's are beside it
        self._device_troubles: dict[str, tuple[datetime, str]] = {}
        self._seen = Delivered()
        self._seen_at: datetime | None = None

    def run(self, now: Callable[[], datetime]) -> Delivered:
        """Deliver what is there, as long as the system takes it.

        Args:
            now: The time; aware.
        """
        done, at = Delivered(), now()
        if (
            self._not_before is not None
            and at < self._not_before
            and self._seen_at
            and at < self._seen_at + _LOOK_AGAIN
        ):
            return self._seen  # a night's uploads are many files to count every second
        pending = self._spool.pending(self._site)
        if self._not_before is None or now() >= self._not_before:
            self._not_before = None
            due = {name: each for name, each in pending.items() if self._is_due(name, now())}
            with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="upstream") as executor:
                for some in executor.map(lambda each: self._deliver(each, now, done), due.values()):
                    done.taken += some
            pending = self._spool.pending(self._site) if due else pending
        self._look_at_rest(pending, done)
        self._seen, self._seen_at = Delivered(waiting=done.waiting, oldest=done.oldest, trouble=done.trouble), at
        return done

    def _is_due(self, device: str, now: datetime) -> bool:
        not_before, _ = self._device_troubles.get(device, (now, ""))
        return now >= not_before

    def _deliver(self, uploads: Sequence[Pending], now: Callable[[], datetime], done: Delivered) -> int:
        """One device's, in order; how many were taken."""
        taken = 0
        for pending in uploads:
            if self._not_before is not None:
                break  # another device has just found the system away
            try:
                status = self._host.call(_request(pending.read(), pending)).status
            except UpstreamAway as away:
                self._back_off(now(), away.sentence)
                break
            except EngageError as error:
                self._pause_device(pending, now(), error.sentence)
                break
            if status in _TAKEN:
                pending.done()
                taken += 1
                self._pause, self._trouble = _FIRST_PAUSE, ""
                self._device_troubles.pop(pending.device, None)
            elif status in _LAID_ASIDE:
                done.laid_aside.append(f"{pending.refuse(status)} (status {status})")
            elif status in (401, 403, 404):
                self._pause_device(pending, now(), f"it answers {status} to uploads of {pending.device}")
                break
            else:
                self._back_off(now(), f"it answers {status} to an upload, not 201 or 202")
                break
        return taken

    def _pause_device(self, pending: Pending, now: datetime, why: str) -> None:
        self._device_troubles[pending.device] = now + _DEVICE_PAUSE, why

    def _back_off(self, now: datetime, why: str) -> None:
        self._trouble = why
        if self._not_before is None:
            self._not_before = now + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def _look_at_rest(self, pending: Mapping[str, Sequence[Pending]], done: Delivered) -> None:
        done.waiting = sum(map(len, pending.values()))
        self._device_troubles = {name: each for name, each in self._device_troubles.items() if name in pending}
        device_trouble = next((why for _, why in self._device_troubles.values()), "")
        done.trouble = (self._trouble or device_trouble) if done.waiting else ""
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
