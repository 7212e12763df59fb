"""One device, as operators see it: how far it came with a release, how long it has been silent, and what is wrong."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from engage_server.protocol.event_codes import sentence_of_report
from engage_server.protocol.serial_number import decode_serial
from engage_server.records import NO_LABEL, CutPath, DeviceHistory, DeviceLabel, Grade, door_title
from engage_server.services.evidence.diagnosis import Diagnosis, answered_by_another_site, diagnose, elsewhere_unnamed

GRADE_WORDS = {
    Grade.NEVER_SEEN: "never seen with it",
    Grade.NOTICE: "asked for the notice",
    Grade.CERTIFICATE: "downloaded the anchor",
    Grade.HANDSHAKE: "finished TLS",
    Grade.AUTHENTICATED: "proved itself",
}
"""How far a device came with a release, to follow its name."""


@dataclass(frozen=True, slots=True)
class DeviceView:
    """One device, as shown to operators.

    Attributes:
        site: Its site.
        identity: Its serial number, or its address.
        history: What is known about it; None if it was never seen.
        grade: How far it came with the release that was asked for; None if no release was.
        silent_nights: Whole days since it was last seen; None if it was never seen.
        diagnosis: What is wrong with it; None if nothing is.
        disregarded: How many of its recent sightings do not count, by the reason. Only filled for a single device.
        is_stranger: Whether its site has a list and it is not on it. No rotation counts it then.
        other_site: The other site that the diagnosis names. "" for none.
        label: What people of its site call it.
    """

    site: str
    identity: str
    history: DeviceHistory | None
    grade: Grade | None
    silent_nights: int | None
    diagnosis: Diagnosis | None
    disregarded: Mapping[str, int] = field(default_factory=dict)
    is_stranger: bool = False
    other_site: str = ""
    label: DeviceLabel = NO_LABEL

    @property
    def title(self) -> str:
        """How sentences for people name it: see :func:`engage_server.records.door_title`."""
        return door_title(self.identity, self.label)

    def told_to(self, may_see: Callable[[str], bool]) -> "DeviceView":
        """The same, for somebody who may see some sites only: another one is not named.

        Args:
            may_see: Whether they may see a site.
        """
        if not self.other_site or may_see(self.other_site):
            return self
        return replace(self, other_site="", diagnosis=elsewhere_unnamed(self.site))

    @property
    def serial(self) -> str | None:
        """Its serial number; None for a device that is known only by its address."""
        return decode_serial(self.identity)

    @property
    def grade_words(self) -> str:
        """How far it came with a release: one that was seen with another release is not yet with this one."""
        if self.grade is None or self.grade is Grade.NEVER_SEEN:
            return "" if self.grade is None else "not yet" if self.history else "never seen"
        return GRADE_WORDS[self.grade]

    @property
    def report(self) -> str:
        """What its audits last reported about a download, a hash or a connection; "" for nothing."""
        return sentence_of_report(self.history.report) if self.history else ""


def unseen_view(site: str, serial: str, release: int | None, answered_by: str) -> DeviceView:
    """A device on the site's list that it never saw.

    Args:
        site: The site.
        serial: The device.
        release: The release that was asked for.
        answered_by: The other site that answered it. "" for none.
    """
    return DeviceView(
        site=site,
        identity=serial,
        history=None,
        grade=None if release is None else Grade.NEVER_SEEN,
        silent_nights=None,
        diagnosis=answered_by_another_site(serial, site, answered_by) if answered_by else None,
        other_site=answered_by,
    )


def seen_view(
    history: DeviceHistory,
    release: int | None,
    now: datetime,
    hosts: Collection[str],
    shared: Collection[str],
    path: CutPath | None = None,
) -> DeviceView:
    """A device that its site saw.

    Args:
        history: What is known about it.
        release: The release that was asked for.
        now: The time, timezone-aware.
        hosts: The hosts that devices of its site call.
        shared: The addresses from which several devices call.
        path: The path to its site, if it is or was cut.
    """
    reached = history.releases.get(release) if release is not None else None
    grade = None if release is None else reached.grade if reached else Grade.NEVER_SEEN
    return DeviceView(
        site=history.site,
        identity=history.identity,
        history=history,
        grade=grade,
        silent_nights=max(0, (now - history.last_seen).days),
        diagnosis=diagnose(history, now, hosts, shared, path),
    )
