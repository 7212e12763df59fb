"""Says in words what a plan found: what doors notice, what each way changes, and what another machine has to run. Pure.

The command line and the console show the same words.
"""

from collections.abc import Sequence
from datetime import datetime
from shlex import quote

from engage_server.records import Host, RotationWay
from engage_server.services.rotation.planning.plan import RotationPlan, WayPlan

WISHES = (
    ("the host name changed", "engage site change, and then server-renewal"),
    ("a private key leaked", "linked-rekey or cut-over. Only a new root locks the old key out: no device asks a CRL."),
    ("to try a rotation out", "server-renewal: no door notices it"),
)
_ORDINALS = ("", "1st", "2nd", "3rd")  # no way has more chains
_CHANGES = {
    RotationWay.SERVER_RENEWAL: "the server certificate",
    RotationWay.INTERMEDIATE_RENEWAL: "the server certificate and the intermediate",
    RotationWay.ROOT_RENEWAL: "the whole chain. The root keeps its name and key, and gets later dates",
    RotationWay.LINKED_REKEY: "the whole chain, with a new root. The old root vouches for it at first",
    RotationWay.CUT_OVER: "the whole chain, with a new root, at once",
}
# the certificate whose end decides until when a way must be begun
_TOPMOST = {RotationWay.SERVER_RENEWAL: "server", RotationWay.INTERMEDIATE_RENEWAL: "intermediate"}


def changes(way: RotationWay) -> str:
    """What a way replaces."""
    return _CHANGES[way]


def fails_with(way: WayPlan) -> int:
    """Which of a way's chains doors with the old anchor refuse first: 1 for the first one. 0 for none."""
    return next((number for number, chain in enumerate(way.chains, 1) if chain.old_refuses), 0)


def has_new_anchor(way: WayPlan) -> bool:
    """Whether doors can fetch another anchor than they have, once the way is taken."""
    return any(chain.changes_anchor for chain in way.chains)


def noticed(way: WayPlan) -> str:
    """What doors notice of a way. "" if it is not possible."""
    if way.impossible:
        return ""
    failing = fails_with(way)
    if not failing:
        return "nothing"
    return "TLS fails once" if failing == 1 else f"TLS fails once, {_ORDINALS[failing]} chain"


def offered(way: WayPlan, plan: RotationPlan) -> str:
    """Whether a way can be taken here, and whether it is the recommended one."""
    if way.impossible:
        return "no"
    if not way.key_is_at_hand:
        return "no key"
    return "recommended" if way.way is plan.recommended else "yes"


def view(refuses: str, until: datetime | None) -> str:
    """What a device does with a chain.

    Args:
        refuses: Why it refuses the chain; "" if it accepts it.
        until: Until when it accepts the chain, if that is known.
    """
    if refuses:
        return f"refuses it ({refuses}), asks for the new anchor, and comes back"
    return "accepts it" + (f" until {until:%Y-%m-%d}" if until else "")


def longest(way: WayPlan) -> int:
    """The bytes of a way's longest chain. 0 if nothing could be built."""
    return max((each.budget.total for each in way.chains), default=0)


def last_safe_start(way: WayPlan, plan: RotationPlan) -> datetime | None:
    """The latest time to begin a way for the sake of the highest certificate that it replaces."""
    role = _TOPMOST.get(way.way, "root")
    return next((each.last_safe_start(plan.situation.pace) for each in plan.expiries if each.role == role), None)


def is_due(way: WayPlan, plan: RotationPlan) -> bool:
    """Whether the highest certificate that a way replaces must be replaced within a month."""
    role = _TOPMOST.get(way.way, "root")
    renews_host = way.way is RotationWay.SERVER_RENEWAL and bool(plan.situation.unanswered)
    return renews_host or any(each.role == role for each in plan.due)


def command_elsewhere(way: WayPlan, plan: RotationPlan) -> str:
    """What to run where the authority's keys are, ready to paste."""
    situation = plan.situation
    return renew_command(situation.site, situation.hosts, way.way, situation.now)


def renew_command(site: str, hosts: Sequence[Host], way: RotationWay, now: datetime) -> str:
    """The command that makes a site's next chain, where ``engage chain build`` made the first one."""
    named = " ".join(f"--host {quote(host.text)}" for host in hosts)
    return f"engage chain renew certs/{site}-{now:%Y-%m-%d} --from certs/{site} --way {way} {named}"
