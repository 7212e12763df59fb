"""Plans a rotation: what is due, which ways there are, and the safest way. Pure: the same input, the same plan."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import rsa

from engage_server.errors import EngageError
from engage_server.pki.byte_budget import ByteBudget, measure
from engage_server.pki.chain import Chain
from engage_server.pki.issuing.rehearsal import rehearse
from engage_server.pki.issuing.succession import needed_key, succeed
from engage_server.records import AnchorRole, Host, RotationWay
from engage_server.services.evidence.pace import Pace
from engage_server.services.releases.expiry import SOON, Expiry, expiries_of
from engage_server.services.rotation.planning.proof import Judge, ProvenChain, broken_promise, prove

_FOLLOWING = 3  # the most keys that a way makes: root, intermediate, server

# what each way renews, and what is not known about firmware
_RENEWS = {
    RotationWay.SERVER_RENEWAL: ("server",),
    RotationWay.INTERMEDIATE_RENEWAL: ("server", "intermediate"),
    RotationWay.ROOT_RENEWAL: ("server", "intermediate", "root", "link"),
    RotationWay.LINKED_REKEY: ("server", "intermediate", "root", "link"),
    RotationWay.CUT_OVER: ("server", "intermediate", "root", "link"),
}
_UNKNOWN = {
    RotationWay.SERVER_RENEWAL: (),
    RotationWay.INTERMEDIATE_RENEWAL: (),
    RotationWay.ROOT_RENEWAL: (
        "whether a device checks its anchor's own dates: one that does asks for the new root when the old one ends",
        "whether a device recognizes its anchor by name and key, as in X.509, or by its bytes",
    ),
    RotationWay.LINKED_REKEY: (
        "whether a device finds its path through a link certificate; for one that does not, this is a cut-over",
        "a device that accepts the link does not ask for the new root until the link is dropped",
    ),
    RotationWay.CUT_OVER: (
        "whether a device asks for a new anchor by itself when TLS fails: reported from the field, not by the vendor",
    ),
}


@dataclass(frozen=True, slots=True)
class Situation:
    """The input of a plan.

    Attributes:
        site: The site's name.
        hosts: The hosts that its devices call.
        anchor: The role of the certificate that it distributes.
        release: The number of the current release.
        chain: The chain of the current release.
        unanswered: The hosts that this chain's server certificate is not valid for. If any, a server renewal is due.
        now: The time, timezone-aware.
        pace: How fast its devices connect.
        keys_at_hand: The roles whose private keys were found: ``root``, ``intermediate``, or both.
    """

    site: str
    hosts: tuple[Host, ...]
    anchor: AnchorRole
    release: int
    chain: Chain
    unanswered: tuple[Host, ...]
    now: datetime
    pace: Pace
    keys_at_hand: frozenset[str]


@dataclass(frozen=True, slots=True)
class WayPlan:
    """The plan of one way.

    Attributes:
        way: The way.
        impossible: Why it is not possible; "" if it is possible.
        chains: The chains that would be served, in order; empty if nothing could be built.
        needed_key: The role whose private key it needs; "" for none.
        key_is_at_hand: Whether that key was found.
        unknown: What is not known about firmware.
        steps: What happens, one sentence for each step.
    """

    way: RotationWay
    impossible: str
    chains: tuple[ProvenChain, ...]
    needed_key: str
    key_is_at_hand: bool
    unknown: tuple[str, ...]
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RotationPlan:
    """What is possible, and what is recommended.

    Attributes:
        situation: The input of the plan.
        today: The byte budget of the current chain.
        expiries: When the current chain's certificates end, by role.
        due: Roles whose rotation must start within a month, the most urgent first.
        ways: All ways, from the safest to the boldest.
        recommended: The safest way that renews all that is due: what expires, or a server certificate that is not
            valid for a host. None if nothing is due, or no way is possible.
    """

    situation: Situation
    today: ByteBudget
    expiries: tuple[Expiry, ...]
    due: tuple[Expiry, ...]
    ways: tuple[WayPlan, ...]
    recommended: RotationWay | None

    def way(self, way: RotationWay) -> WayPlan:
        """The plan of one of the ways."""
        return next(each for each in self.ways if each.way is way)


def make_plan(situation: Situation, throwaway: Sequence[rsa.RSAPrivateKey], judge: Judge) -> RotationPlan:
    """Try each way on a copy of the chain, and validate the resulting chains.

    Args:
        situation: The input of the plan.
        throwaway: As many keys as :func:`keys_for` says. The plan does not depend on which keys they are.
        judge: Validates the chains as devices would.
    """
    found = tuple(expiries_of(situation.chain, situation.site))
    now, pace = situation.now, situation.pace
    due = tuple(
        sorted(
            (each for each in found if each.role != "link" and each.last_safe_start(pace) - SOON <= now),
            key=lambda each: each.last_safe_start(pace),
        )
    )
    ways = tuple(_way_plan(way, situation, throwaway, judge) for way in RotationWay)
    return RotationPlan(
        situation=situation,
        today=measure(situation.chain),
        expiries=found,
        due=due,
        ways=ways,
        recommended=_recommended(due, situation.unanswered, ways),
    )


def keys_for(chain: Chain) -> int:
    """How many throwaway keys a rehearsal needs: for the chain itself, and for its successors."""
    return len(chain.intermediates) + 2 + _FOLLOWING


def _recommended(due: Sequence[Expiry], unanswered: Sequence[Host], ways: Sequence[WayPlan]) -> RotationWay | None:
    roles = {each.role.partition(" ")[0] for each in due} | ({"server"} if unanswered else set())
    if not roles:
        return None
    return next((each.way for each in ways if not each.impossible and roles <= set(_RENEWS[each.way])), None)


def _way_plan(way: RotationWay, situation: Situation, throwaway: Sequence[rsa.RSAPrivateKey], judge: Judge) -> WayPlan:
    chains: tuple[ProvenChain, ...] = ()
    try:
        chains = _rehearsed(way, situation, throwaway, judge)
        impossible = broken_promise(way, chains)
    except EngageError as error:
        impossible = error.sentence
    needed = needed_key(way, situation.chain)
    return WayPlan(
        way=way,
        impossible=impossible,
        chains=chains,
        needed_key=needed,
        key_is_at_hand=not needed or needed in situation.keys_at_hand,
        unknown=_UNKNOWN[way] + tuple(dict.fromkeys(doubt for chain in chains for doubt in chain.doubts)),
        steps=tuple(_steps(chains)),
    )


def _rehearsed(
    way: RotationWay, situation: Situation, throwaway: Sequence[rsa.RSAPrivateKey], judge: Judge
) -> tuple[ProvenChain, ...]:
    rehearsal = rehearse(situation.chain, throwaway)
    rest = iter(throwaway[len(situation.chain.intermediates) + 2 :])
    chains = succeed(way, rehearsal.chain, rehearsal.authority, situation.hosts, situation.now, rest.__next__)
    return tuple(
        prove(each.title, each.chain, rehearsal.chain, situation.anchor, situation.hosts, situation.now, judge)
        for each in chains
    )


def _steps(chains: Sequence[ProvenChain]) -> list[str]:
    if not chains:
        return []
    steps = ["build and stage: nothing is served yet; the real chains are validated again with both anchors"]
    for chain in chains:
        if not chain.changes_anchor:
            sees = "no device notices"
        elif not chain.old_refuses:
            sees = (
                f"devices with the old anchor come through until {chain.old_until:%Y-%m-%d}; "
                "those that ask get the new one"
            )
        else:
            sees = "each device with the old anchor fails TLS once, fetches the new one by itself, and comes back"
        steps += [f"serve the {chain.title} chain: {sees}", "wait for the evidence: the gate counts who came through"]
    return [*steps, "done: you can retire the release before when you are sure"]
