"""An account at an operator of SIMs that lives in memory, does what it is asked, and fails as it is told."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock
from unittest.mock import patch

from engage_server.errors import EngageError, NotFound, NotPossible, UpstreamSilent
from engage_server.links.sim import accounts
from engage_server.links.sim.account import Acted, Entry, Values, unannounced
from engage_server.links.sim.operations import Operation
from engage_server.links.sim.things import Reachability, Reached, Thing, ThingState

FIRST = 8931440000000000000
GROUPS: list[Entry] = [{"id": name, "network": "net-1", "profile": "fw-1"} for name in ("locks", "spare")]
NETWORKS: list[Entry] = [
    {
        "id": "net-1",
        "apn": "iot.example",
        "nat": [{"id": "nat-1", "protocol": "tcp", "outside_port": 2201, "inside_port": 22}],
        "tunnels": [{"id": "tun-1", "peer": "192.0.2.9"}],
        "routes": [],
    }
]
PROFILES: list[Entry] = [
    {"id": "fw-1", "rules": [{"id": "r-1", "direction": "out", "action": "accept", "port": 443}]},
    {"id": "fw-2", "rules": []},
]


def iccid(number: int) -> str:
    return str(FIRST + number)


def sims(
    count: int, state: ThingState = ThingState.ACTIVE, *, group: str = "locks", tags: tuple[str, ...] = ("depot",)
) -> list[Thing]:
    """So many Things, numbered from 1."""
    return [
        Thing(
            iccid(number),
            state,
            state.value,
            iccid=iccid(number),
            imei=f"{490154203230000 + number}",
            address=f"10.20.{number // 250}.{number % 250 + 1}",
            is_locked=False,
            group=group,
            tags=tags,
            services=("data", "sms"),
            is_connected=state is ThingState.ACTIVE,
        )
        for number in range(1, count + 1)
    ]


class MemoryAccount:
    """Implements ``SimAccount``.

    Args:
        things: What it has.
        name: Its name in ``links.toml``.

    Attributes:
        by_name: The Things now.
        writes: All writes that took effect, in order.
        lacks: Operations that its map has not.
        before, after: Called with each write before and after it takes effect; what they raise, the caller gets.
        judge: Called with each write before it is sent, as a contract judges it; what it raises, the caller gets.
        describe: What the answer to a write says of the Thing; None for nothing.
        away: What every call raises; None for nothing.
        later: Whether a write is only accepted; :attr:`accepted` has it, and nobody has done it.
    """

    def __init__(self, things: Iterable[Thing], name: str = "jpu") -> None:
        self.name = name
        self.by_name = {each.thing: each for each in things}
        self.writes: list[tuple[Operation, Values]] = []
        self.reads = 0
        self.lacks: set[Operation] = set()
        self.before: Callable[[Operation, Values], None] = lambda operation, values: None
        self.after: Callable[[Operation, Values], None] = lambda operation, values: None
        self.judge: Callable[[Operation, Values], None] = lambda operation, values: None
        self.describe: Callable[[Operation, Values], Thing | None] = lambda operation, values: None
        self.away: EngageError | None = None
        self.later = False
        self.accepted: list[tuple[Operation, Values]] = []
        self._acting = Lock()

    def written(self) -> Counter[str]:
        """How often each Thing was written."""
        return Counter(str(values["thing"]) for _, values in self.writes)

    def offers(self, operation: Operation) -> bool:
        return operation not in self.lacks

    def word_for(self, state: ThingState) -> str:
        return state.value if self.offers(Operation.THINGS_SET_STATE) else ""

    def things(self, *, group: str = "", tag: str = "", state: ThingState | None = None) -> Iterator[Thing]:
        self._read()
        for each in list(self.by_name.values()):
            if group in ("", each.group) and (not tag or tag in each.tags) and state in (None, each.state):
                yield each

    def thing(self, thing: str) -> Thing:
        self._read()
        if thing not in self.by_name:
            raise _no(thing)
        return self.by_name[thing]

    def reached(self, thing: Thing) -> Reached:
        self._read()
        return Reached(Reachability.DATA if thing.state is ThingState.ACTIVE else Reachability.NONE)

    def entries(self, operation: Operation, values: Values | None = None) -> Iterator[Entry]:
        self._read()
        found: dict[Operation, list[Entry]] = {
            Operation.GROUPS_LIST: GROUPS,
            Operation.NETWORKS_LIST: NETWORKS,
            Operation.PROFILES_LIST: PROFILES,
            Operation.NETWORKS_READ: [each for each in NETWORKS if each["id"] == (values or {}).get("network")],
            Operation.PROFILES_READ: [each for each in PROFILES if each["id"] == (values or {}).get("profile")],
            Operation.USERS_LIST: [{"id": "u-1", "email": "anna@example.org", "permission": "admin"}],
            Operation.BILLING_READ: [{"thing": iccid(1), "megabytes": 12.5, "sms": 3, "amount": "1.25"}],
        }
        yield from found[operation]

    def act(self, operation: Operation, values: Values, before_sending: Callable[[], None] = unannounced) -> Acted:
        if operation in self.lacks:
            raise NotPossible("the map has no such operation", "Add it to the map.", code="sim.not_offered")
        self.judge(operation, values)
        before_sending()
        with self._acting:
            if self.away is not None:
                raise self.away
            self.before(operation, values)
            if self.later:
                self.accepted.append((operation, dict(values)))
                return Acted(is_accepted=True)
            self._apply(operation, values)
            self.writes.append((operation, dict(values)))
            self.after(operation, values)
        said = self.describe(operation, values)
        says = ("state", "tags", "services", "is_locked", "address") if said is not None else ()
        return Acted({"id": f"new-{len(self.writes)}"}, thing=said, says=frozenset(says))

    def _apply(self, operation: Operation, values: Values) -> None:
        if "thing" not in values or operation is Operation.NAT_ADD:
            return
        name = str(values["thing"])
        thing = self.by_name.get(name)
        if thing is None:
            raise _no(name)
        if operation is Operation.THINGS_SET_STATE:
            state = ThingState(str(values["state"]))
            thing = replace(thing, state=state, word=state.value)
        elif operation is Operation.THINGS_SET_TAGS:
            thing = replace(thing, tags=_texts(values["tags"]))
        elif operation is Operation.THINGS_SET_SERVICES:
            thing = replace(thing, services=_texts(values["services"]))
        elif operation is Operation.THINGS_LOCK_ADDRESS:
            thing = replace(thing, is_locked=True)
        elif operation is Operation.THINGS_RELEASE_ADDRESS:
            thing = replace(thing, is_locked=False)
        self.by_name[name] = thing

    def _read(self) -> None:
        self.reads += 1
        if self.away is not None:
            raise self.away


def silent() -> UpstreamSilent:
    """What an account raises when nothing answers."""
    return UpstreamSilent("api.example.net gave no answer", "Check that this machine reaches it.")


def _no(thing: str) -> NotFound:
    return NotFound(f"there is no Thing {thing}", "List them: engage sim list", code="sim.not_found")


def _texts(value: object) -> tuple[str, ...]:
    assert isinstance(value, list | tuple)
    return tuple(map(str, value))


LINKS = f"""
[sim.jpu]
profile = "emnify"
contract_file = "contract.json"
base_url = "https://api.example.net/v1"

[links.depot-sim]
site = "main"
partner = "sim"
account = "jpu"
things = ["{iccid(1)}"]
"""


@contextmanager
def reached_by_commands(account: MemoryAccount) -> Iterator[MemoryAccount]:
    """Let ``engage sim`` in this process find this account, whatever ``links.toml`` says of it."""
    with patch.object(accounts, "open_account", lambda file, name: account):
        yield account
