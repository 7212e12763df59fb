"""Who is at risk tonight."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from engage_server.as_json.formats import Instant, Shape
from engage_server.services.risk.kinds import EVIDENCE_MISSING, Severity
from engage_server.services.risk.known import DoorAtRisk, Risk, SiteTonight

SeverityWord = Literal["high", "medium", "low"]
_WORDS: dict[Severity, SeverityWord] = {Severity.HIGH: "high", Severity.MEDIUM: "medium", Severity.LOW: "low"}

_SOME_HOST = "the calls of a host that serves devices may not be stored yet"


class RiskJson(Shape):
    """One risk, and what to do."""

    code: str
    """Its stable code, such as ``risk.silent``."""
    severity: SeverityWord
    """How bad it is: the same for every door."""
    why: str
    """What is wrong."""
    next_step: str
    """What to do, with the command that does it."""
    silent: int | None
    """How many silent doors it explains, or may explain if the path is degraded. Null: it explains none."""


class DoorAtRiskJson(Shape):
    """One door with all of its risks."""

    site: str
    """The name of its site."""
    device: str
    """Its serial number, or its address."""
    name: str | None
    """What people call it. Null: nothing."""
    place: str | None
    """Where it is. Null: nobody said."""
    severity: SeverityWord
    """That of its worst risk."""
    last_seen: Instant | None
    """When it last called. Null: it was never seen."""
    risks: list[RiskJson]
    """At least one, the worst first."""


class RiskCountsJson(Shape):
    """How many doors are at risk, by the severity of the worst risk of each."""

    high: int
    """Their calls fail already, or are expected to fail tonight."""
    medium: int
    """A call may fail or not come."""
    low: int
    """They are worth a look."""


class SiteTonightJson(Shape):
    """What is at risk at one site tonight."""

    site: str
    """The name of the site."""
    looked_at: Instant
    """When it was judged: for a large site, some minutes ago."""
    until: Instant
    """The end of the night: the next noon at the site."""
    worst: SeverityWord | None
    """The severity of its worst risk. Null: nothing is at risk."""
    needs_attention: bool
    """Whether something of it is more than worth a look."""
    counts: RiskCountsJson
    """How many doors are at risk."""
    is_complete: bool
    """Whether all doors were judged. Otherwise more may be at risk."""
    risks: list[RiskJson]
    """What concerns the whole site, the worst first."""
    doors: list[DoorAtRiskJson]
    """The doors at risk, the worst first: all of them, or as many as were asked for."""
    retirement: str | None
    """Whether its former releases can be retired, in one sentence. Null: there is none."""


class TonightJson(Shape):
    """Who is at risk tonight."""

    needs_attention: bool
    """Whether somebody should act before the night."""
    sites: list[SiteTonightJson]
    """The sites that were asked for, the worst first."""


def tonight_json(sites: Sequence[SiteTonight], doors: int | None = None, *, sees_hosts: bool = True) -> TonightJson:
    """What is at risk at these sites.

    Args:
        sites: The sites.
        doors: The most doors that are listed of each. None for all. The counts are of all of them.
        sees_hosts: Whether the reader may know the hosts that serve.
    """
    return {
        "needs_attention": any(each.needs_attention for each in sites),
        "sites": [site_tonight_json(each, doors, sees_hosts=sees_hosts) for each in sites],
    }


def site_tonight_json(found: SiteTonight, doors: int | None = None, *, sees_hosts: bool = True) -> SiteTonightJson:
    """What is at risk at one site. The arguments are those of :func:`tonight_json`."""
    counts = found.counts
    return {
        "site": found.site,
        "looked_at": found.looked_at.isoformat(),
        "until": found.until.isoformat(),
        "worst": None if found.worst is None else _WORDS[found.worst],
        "needs_attention": found.needs_attention,
        "counts": {
            "high": counts[Severity.HIGH],
            "medium": counts[Severity.MEDIUM],
            "low": counts[Severity.LOW],
        },
        "is_complete": found.is_complete,
        "risks": [risk_json(each if sees_hosts else _without_host(each)) for each in found.risks],
        "doors": [door_at_risk_json(each) for each in found.doors[:doors]],
        "retirement": found.retirement.sentence if found.retirement else None,
    }


def door_at_risk_json(door: DoorAtRisk) -> DoorAtRiskJson:
    """One door with all of its risks."""
    return {
        "site": door.site,
        "device": door.identity,
        "name": door.label.name or None,
        "place": door.label.place or None,
        "severity": _WORDS[door.severity],
        "last_seen": door.history.last_seen.isoformat() if door.history else None,
        "risks": [risk_json(each) for each in door.risks],
    }


def risk_json(risk: Risk) -> RiskJson:
    """One risk."""
    return {
        "code": risk.kind.code,
        "severity": _WORDS[risk.kind.severity],
        "why": risk.why,
        "next_step": risk.mend,
        "silent": risk.silent,
    }


def _without_host(risk: Risk) -> Risk:
    return replace(risk, why=_SOME_HOST) if risk.kind is EVIDENCE_MISSING else risk
