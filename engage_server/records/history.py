"""What is known about one device for good: one row for it, and one for each release that it met."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Any

__all__ = ["DeviceHistory", "Grade", "ReleaseHistory", "changed", "restored"]


class Grade(IntEnum):
    """How far a device got with a release. Each grade proves more than the one before."""

    NEVER_SEEN = 0
    NOTICE = 1  # it asked for the notice
    CERTIFICATE = 2  # it downloaded the trust anchor
    HANDSHAKE = 3  # it finished a TLS handshake with this release's chain, the only one that it could be given
    AUTHENTICATED = 4  # and proved on that connection, by a token made with the site key, that it is the device


@dataclass(frozen=True, slots=True)
class ReleaseHistory:
    """One device and one release.

    Attributes:
        grade: The best grade that was seen.
        reached_at: When it first reached that grade. Aware, UTC.
    """

    grade: Grade
    reached_at: datetime


@dataclass(frozen=True)  # no slots: changed() copies a dict in one step
class DeviceHistory:
    """One device of one site.

    Attributes:
        site: The site that answered it.
        identity: Its serial number (32 upper-case hexadecimal digits), or its address if it sends none.
        first_seen, last_seen: Aware, UTC.
        nights: On how many days (UTC) it was seen.
        due_at: When it will have missed its own habit, unless it is seen again before.
        notices, certificates, refusals: How often it requested the notice by plain HTTP, downloaded a DER, and refused
            our chain with a TLS alert. All are counted since its last finished handshake.
        failure: The last refusal or broken handshake, in the words of :class:`Sighting`. "" after a finished one.
        fetched_release: The release whose DER it downloaded last; 0 for none.
        finished_release, finished_at: The release whose chain it accepted last, and when; 0 and None for none.
        asked_again_at: When it last requested the notice by plain HTTP although it had just accepted our chain.
        report, reported_at: What its audits last reported of a download, a hash or a connection, and when that came.
            It is an event code, and its data if there is any. "" and None for nothing.
        anchor_failed_at: When its audits reported that it did not accept an anchor. None if they have since reported
            that it accepted one.
        home: Its usual address. The notices, certificates, refusals and finished handshakes above are those from it. ""
            before it was seen at one.
        home_since, home_seen_at: Since when that is its usual address, and when it last called from there. None for
            never.
        home_nights: On how many days (UTC) in a row it called from there and from nowhere else.
        tls_nights: On how many days (UTC) it finished a handshake from there.
        refused_at: When it last refused our chain from there, with a TLS alert. None if not since a finished handshake.
        away: The other address that was last said to be this device's; "" for none. Until the device has moved there,
            what comes from it proves nothing, neither for nor against.
        away_since, away_seen_at, away_nights: First, last, and on how many days (UTC), all since it was last seen at
            home: 0 nights after it was.
        away_tls_nights: On how many of these days a handshake was finished there.
        away_turns: On how many days (UTC) it was seen elsewhere after it had been seen at home: how often the two
            addresses alternated.
        away_release, away_finished_at: The release whose chain was last accepted from there, and when; 0 and None for
            none.
        is_contested: On three or more days this device was seen at home and elsewhere alternately. Which address is its
            own is not known, so neither proves anything.
        authenticated_release, authenticated_at: The release whose chain it last accepted when it also proved itself by
            a token on that connection, from any address. And the time; 0 and None for none.
        authenticated_nights: On how many days (UTC) it proved itself by a token.
        token_time: The time in its last accepted token, in seconds since 1970 by its own clock. An earlier token is a
            replay. 0 for none.
        host: The host that it called last, from the Host header of its notice or call-in. "" for none.
        is_shared_address: The identity is an address where a device with a serial number was seen: no device itself.
        releases: By number. In a history that was read for a batch, only those that the batch needs.
    """

    site: str
    identity: str
    first_seen: datetime
    last_seen: datetime
    nights: int
    due_at: datetime
    notices: int = 0
    certificates: int = 0
    refusals: int = 0
    failure: str = ""
    fetched_release: int = 0
    finished_release: int = 0
    finished_at: datetime | None = None
    asked_again_at: datetime | None = None
    report: str = ""
    reported_at: datetime | None = None
    anchor_failed_at: datetime | None = None
    home: str = ""
    home_since: datetime | None = None
    home_seen_at: datetime | None = None
    home_nights: int = 0
    tls_nights: int = 0
    refused_at: datetime | None = None
    away: str = ""
    away_since: datetime | None = None
    away_seen_at: datetime | None = None
    away_nights: int = 0
    away_tls_nights: int = 0
    away_turns: int = 0
    away_release: int = 0
    away_finished_at: datetime | None = None
    is_contested: bool = False
    authenticated_release: int = 0
    authenticated_at: datetime | None = None
    authenticated_nights: int = 0
    token_time: int = 0
    host: str = ""
    is_shared_address: bool = False
    releases: Mapping[int, ReleaseHistory] = field(default_factory=dict)


if TYPE_CHECKING:
    from dataclasses import replace as changed  # the type checker checks its arguments against the fields
else:

    def changed(history: DeviceHistory, **changes: object) -> DeviceHistory:
        """Do what ``dataclasses.replace`` does, at a tenth of its cost: storing a night calls it for each sighting.

        Raises:
            TypeError: There is no field of that name.
        """
        values = vars(history)
        if not changes.keys() <= values.keys():
            raise TypeError(f"a history has no {', '.join(sorted(changes.keys() - values.keys()))}")
        made = object.__new__(DeviceHistory)
        vars(made).update(values, **changes)
        return made


def restored(fields: Iterable[tuple[str, Any]]) -> DeviceHistory:
    """Build a history from all of its fields, by name. Nothing is checked: leave none out.

    The store reads a history for each device of a batch, and the class itself takes many times as long.
    """
    made = object.__new__(DeviceHistory)
    vars(made).update(fields)
    return made
