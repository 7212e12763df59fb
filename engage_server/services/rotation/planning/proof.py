"""How devices see a rotation's chains: validated, not assumed. Pure, except for the judge that is passed in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cryptography import x509

from engage_server.pki.byte_budget import ByteBudget, measure
from engage_server.pki.chain import Chain
from engage_server.records import AnchorRole, Host, RotationWay

# the ways in which a device with the old anchor must not notice the first chain of the rotation
_UNNOTICED = {
    RotationWay.SERVER_RENEWAL,
    RotationWay.INTERMEDIATE_RENEWAL,
    RotationWay.ROOT_RENEWAL,
    RotationWay.LINKED_REKEY,
}


class Judge(Protocol):
    """Judges a chain as a device would. See :class:`engage_server.lock.acceptance.judge.DeviceJudge`."""

    def refusal(self, sent: Sequence[x509.Certificate], anchor: x509.Certificate, host: str, now: datetime) -> str:
        """Why a device with this anchor refuses the chain; "" if it accepts it."""

    def doubts(
        self, sent: Sequence[x509.Certificate], anchor: x509.Certificate, host: str, now: datetime
    ) -> tuple[str, ...]:
        """The kinds of firmware that would refuse a chain that usual devices accept, in words."""


@dataclass(frozen=True, slots=True)
class ProvenChain:
    """One chain of a rotation, as devices see it.

    Attributes:
        title: ``transition`` or ``next``.
        budget: Where its bytes go.
        old_refuses, new_refuses: Why a device with the old (the new) anchor refuses it; "" if it accepts it.
        old_until, new_until: Until when a device that keeps the old (has the new) anchor accepts it by its dates; None
            if it does not.
        changes_anchor: Whether the anchor differs from that of the chain before.
        doubts: What is not known about firmware, and would make a difference.
    """

    title: str
    budget: ByteBudget
    old_refuses: str
    new_refuses: str
    old_until: datetime | None
    new_until: datetime | None
    changes_anchor: bool
    doubts: tuple[str, ...]


def prove(
    title: str, chain: Chain, before: Chain, role: AnchorRole, hosts: Sequence[Host], now: datetime, judge: Judge
) -> ProvenChain:
    """Validate a chain with the anchor that devices have now and with its own anchor, for every host.

    Args:
        title: The place of the chain in its rotation: ``transition`` or ``next``.
        chain: The chain that will be served.
        before: The chain that was served when the rotation started.
        role: The role of the certificate that the site distributes.
        hosts: The hosts that devices call.
        now: The time, timezone-aware.
        judge: Validates the chain as devices would.
    """
    old, new = before.anchor(role), chain.anchor(role)
    old_refuses = _first_refusal(chain, old, hosts, now, judge)
    new_refuses = _first_refusal(chain, new, hosts, now, judge)
    return ProvenChain(
        title=title,
        budget=measure(chain),
        old_refuses=old_refuses,
        new_refuses=new_refuses,
        old_until=None if old_refuses else _until(chain, old),
        new_until=None if new_refuses else _until(chain, new),
        changes_anchor=old != new,
        doubts=judge.doubts(chain.sent, new, hosts[0].text, now),
    )


def _until(chain: Chain, anchor: x509.Certificate) -> datetime:
    return min(each.not_valid_after_utc for each in (*chain.sent, anchor))


def broken_promise(way: RotationWay, proven: Sequence[ProvenChain]) -> str:
    """The first promise of a way that its chains do not keep; "" if they keep all of them."""
    for chain in proven:
        if chain.new_refuses:
            return f"a device with the new anchor would refuse the {chain.title} chain: {chain.new_refuses}"
    first = proven[0]
    if way in _UNNOTICED and first.old_refuses:
        return f"a device with the old anchor would refuse the {first.title} chain: {first.old_refuses}"
    return ""


def _first_refusal(chain: Chain, anchor: x509.Certificate, hosts: Sequence[Host], now: datetime, judge: Judge) -> str:
    for host in hosts:
        why = judge.refusal(chain.sent, anchor, host.text, now)
        if why:
            return why
    return ""
