"""Plans of rotations: what is due, and which ways there are."""

from typing import Literal

from engage_server.as_json.formats import Instant, Shape
from engage_server.as_json.releases import BudgetJson, budget_json
from engage_server.records import RotationWay
from engage_server.services.evidence.pace import Pace
from engage_server.services.releases.expiry import Expiry
from engage_server.services.rotation.planning.plan import RotationPlan, WayPlan
from engage_server.services.rotation.planning.proof import ProvenChain

_ROLES: tuple[Literal["intermediate", "root"], ...] = ("intermediate", "root")


class PaceJson(Shape):
    """The time in which 99 % of a site's devices call."""

    days: int
    """Whole days."""
    basis: str
    """How that is known, in words."""
    measured: bool
    """Whether it was measured. Otherwise it is assumed."""


class ExpiryJson(Shape):
    """The end of one certificate."""

    role: str
    """``server``, ``intermediate``, ``root`` or ``link``. A second intermediate is ``intermediate 2``."""
    not_after: Instant
    """The last second in which it is valid."""
    days_left: float
    """Days until then. Negative afterwards."""
    last_safe_start: Instant
    """The latest time to start its rotation, so that all devices have called before it ends."""


class DueExpiryJson(ExpiryJson):
    """The end of one certificate, and whether its rotation is due."""

    due: bool
    """Whether its rotation must start within a month."""


class AnchorViewJson(Shape):
    """What a device with a certain trust anchor does with a chain. It was tried, not assumed."""

    accepts: bool
    """Whether it accepts the chain."""
    why_not: str
    """Why it refuses the chain. Empty if it accepts."""


class OldAnchorViewJson(AnchorViewJson):
    """What a device with today's trust anchor does with a chain."""

    until: Instant | None
    """Until when it accepts the chain by its dates. Null: it does not accept."""


class PlannedChainJson(Shape):
    """One chain that a rotation would serve."""

    title: str
    """``transition`` or ``next``."""
    budget: BudgetJson
    """How much of a device's memory it takes."""
    old_anchor: OldAnchorViewJson
    """Devices that hold today's anchor."""
    new_anchor: AnchorViewJson
    """Devices that have fetched the new anchor."""
    changes_anchor: bool
    """Whether the anchor is another one than with the chain before."""


class WayJson(Shape):
    """One way to the next release."""

    way: RotationWay
    """The ways are listed from the safest to the boldest."""
    possible: bool
    """Whether it can be taken."""
    why_not: str
    """Why it cannot be taken. Empty if it can."""
    needed_key: str
    """Whose private key it needs: ``root`` or ``intermediate``. Empty for none."""
    key_is_at_hand: bool
    """Whether that key was found. True if it needs none."""
    chains: list[PlannedChainJson]
    """The chains that would be served, in order. Empty if none could be built."""
    steps: list[str]
    """What would happen, one sentence for each step."""
    not_known: list[str]
    """What is not known about the firmware of devices, and could matter here."""


class PlanJson(Shape):
    """What a rotation of a site could do. A plan changes nothing."""

    site: str
    """The name of the site."""
    release: int
    """The release that it serves today."""
    pace: PaceJson
    """How fast its devices call."""
    today: BudgetJson
    """How much of a device's memory today's chain takes."""
    certificates: list[DueExpiryJson]
    """When the certificates of today's chain end."""
    hosts_unanswered: list[str]
    """Hosts that devices call, and that today's server certificate is not valid for."""
    recommended: RotationWay | None
    """The safest way that renews all that is due. Null: nothing is due, or no way is possible."""
    ways: list[WayJson]
    """All ways, from the safest to the boldest."""


class SitePlanJson(PlanJson):
    """What a rotation of a site could do, with the keys that are on the server."""

    keys_at_hand: list[Literal["intermediate", "root"]]
    """The CAs of today's chain whose private keys are on the server, and are not encrypted."""
    keys_locked: int
    """How many files with such a key are encrypted. A start can open them with their passphrase."""


def site_plan_json(plan: RotationPlan, locked: int) -> SitePlanJson:
    """A plan, and which keys are at hand.

    Args:
        plan: The plan.
        locked: How many files with keys cannot be opened without a passphrase.
    """
    at_hand = plan.situation.keys_at_hand
    return {
        **plan_json(plan),
        "keys_at_hand": [role for role in _ROLES if role in at_hand],
        "keys_locked": locked,
    }


def plan_json(plan: RotationPlan) -> PlanJson:
    """A plan."""
    situation = plan.situation
    return {
        "site": situation.site,
        "release": situation.release,
        "pace": pace_json(situation.pace),
        "today": budget_json(plan.today),
        "certificates": [_expiry_json(each, plan) for each in plan.expiries],
        "hosts_unanswered": [host.text for host in situation.unanswered],
        "recommended": plan.recommended,
        "ways": [_way_json(way) for way in plan.ways],
    }


def pace_json(pace: Pace) -> PaceJson:
    """How fast the devices of a site call."""
    return {"days": pace.time.days, "basis": pace.basis, "measured": pace.is_measured}


def _expiry_json(expiry: Expiry, plan: RotationPlan) -> DueExpiryJson:
    return {
        "role": expiry.role,
        "not_after": expiry.not_after.isoformat(),
        "days_left": round(expiry.days_left(plan.situation.now), 1),
        "last_safe_start": expiry.last_safe_start(plan.situation.pace).isoformat(),
        "due": expiry in plan.due,
    }


def _way_json(way: WayPlan) -> WayJson:
    return {
        "way": way.way,
        "possible": not way.impossible,
        "why_not": way.impossible,
        "needed_key": way.needed_key,
        "key_is_at_hand": way.key_is_at_hand,
        "chains": [_chain_json(chain) for chain in way.chains],
        "steps": list(way.steps),
        "not_known": list(way.unknown),
    }


def _chain_json(chain: ProvenChain) -> PlannedChainJson:
    return {
        "title": chain.title,
        "budget": budget_json(chain.budget),
        "old_anchor": {
            "accepts": not chain.old_refuses,
            "why_not": chain.old_refuses,
            "until": chain.old_until.isoformat() if chain.old_until else None,
        },
        "new_anchor": {"accepts": not chain.new_refuses, "why_not": chain.new_refuses},
        "changes_anchor": chain.changes_anchor,
    }
