"""What can happen to the database, where Patroni decides by itself who leads."""

import time

from tests.support.running import eventually
from tests.trials.databases.patroni import PatroniPair, PatroniServer
from tests.trials.databases.probes import Probes
from tests.trials.faults.fault import Fault
from tests.trials.installation import Installation


def pair_of(trial: Installation) -> PatroniPair:
    """The servers."""
    assert isinstance(trial.databases, PatroniPair)
    return trial.databases


class LeaderGone:
    """The leader dies, freezes or is cut off. Patroni promotes the standby, and the old leader comes back.

    It must not come back as a leader. Meanwhile it is written to by its socket, where no cut link is in the way. If it
    confirms a write that is not there in the end, there were two leaders.
    """

    def __init__(self) -> None:
        self._old: PatroniServer | None = None
        self._next: PatroniServer | None = None
        self._probes: Probes | None = None
        self._begun = 0.0

    def kill(self, trial: Installation) -> None:
        """SIGKILL for PostgreSQL and Patroni."""
        self._begin(trial).kill()

    def start(self, trial: Installation) -> None:
        """Start Patroni there again."""
        self._write_to(self._gone)
        self._gone.start()

    def freeze(self, trial: Installation) -> None:
        """SIGSTOP for both."""
        self._begin(trial).freeze()

    def thaw(self, trial: Installation) -> None:
        """Let both go on: each of them still believes that it leads."""
        self._write_to(self._gone)
        self._gone.thaw()

    def unplug(self, trial: Installation) -> None:
        """Its cable is out: PostgreSQL and Patroni live, and nobody else is in reach."""
        old = self._begin(trial)
        self._write_to(old)
        old.machine.link("down")

    def plug_in(self, trial: Installation) -> None:
        """Put it back."""
        self._gone.machine.link("up")

    def until_promoted(self, trial: Installation) -> None:
        """Wait until the other one leads."""
        assert self._next is not None
        pair_of(trial).until_led_by(self._next)
        trial.notes.append(f"the standby was promoted {time.monotonic() - self._begun:.1f} s after the failure")

    def until_whole(self, trial: Installation) -> None:
        """Wait until the old leader follows, and count what it confirmed meanwhile."""
        seconds = pair_of(trial).until_whole()
        rewound = "after pg_rewind" if "running pg_rewind" in self._gone.says()[self._said :] else "without pg_rewind"
        trial.notes.append(f"the old primary follows again {seconds:.1f} s later, {rewound}")
        assert self._probes is not None
        confirmed, lost = self._probes.end(pair_of(trial).leader)
        trial.notes.append(f"writes that the old primary confirmed: {confirmed}, of which lost: {lost}")
        trial.lost_writes += lost

    def _begin(self, trial: Installation) -> PatroniServer:
        pair = pair_of(trial)
        self._old, self._next, self._begun = pair.leader, pair.standby, time.monotonic()
        self._said = len(self._old.says())
        return self._old

    def _write_to(self, server: PatroniServer) -> None:
        self._probes = Probes(server)

    @property
    def _gone(self) -> PatroniServer:
        assert self._old is not None
        return self._old


class StandbyGone:
    """The standby dies, or nothing comes through between it and the leader. Commits wait until Patroni ends that."""

    def __init__(self) -> None:
        self._begun = 0.0

    def kill(self, trial: Installation) -> None:
        """SIGKILL for PostgreSQL and Patroni."""
        self._begun = time.monotonic()
        pair_of(trial).standby.kill()

    def start(self, trial: Installation) -> None:
        """Start Patroni there again."""
        for each in pair_of(trial).servers:
            if each.program.process.poll() is not None:
                each.start()

    def cut(self, trial: Installation) -> None:
        """Half-open TCP. Both still reach etcd."""
        self._begun = time.monotonic()
        pair_of(trial).leader.machine.deaf_to(pair_of(trial).standby.machine)

    def join(self, trial: Installation) -> None:
        """End that."""
        pair_of(trial).leader.machine.hears_again()

    def until_alone(self, trial: Installation) -> None:
        """Wait until commits no longer wait for the standby."""
        leader, names = pair_of(trial).leader, "SHOW synchronous_standby_names"
        eventually(lambda: not leader.ask(names, "postgres"), "Patroni lets the leader write alone")
        trial.notes.append(f"commits waited for {time.monotonic() - self._begun:.1f} s: then the primary wrote alone")


def _until_whole(trial: Installation) -> None:
    trial.notes.append(f"commits wait for the standby again {pair_of(trial).until_whole():.1f} s later")


def _kill_member(trial: Installation) -> None:
    pair_of(trial).etcd.kill(1)


def _until_elected(trial: Installation) -> None:
    begun = time.monotonic()
    pair_of(trial).until_led()
    trial.notes.append(f"a server accepted writes after another {time.monotonic() - begun:.1f} s")


def _kill_majority(trial: Installation) -> None:
    pair = pair_of(trial)
    pair.etcd.kill(2)
    seconds = eventually(lambda: not any(each.accepts_writes() for each in pair.servers), "Patroni demotes the leader")
    trial.notes.append(f"no server accepted writes {seconds:.1f} s later")


def _start_members(trial: Installation) -> None:
    begun = time.monotonic()
    pair_of(trial).etcd.start_again()
    pair_of(trial).until_led()
    trial.notes.append(f"a server accepts writes {time.monotonic() - begun:.1f} s after etcd was started again")


_killed, _frozen, _unplugged = LeaderGone(), LeaderGone(), LeaderGone()
_alone, _parted = StandbyGone(), StandbyGone()

PRIMARY_KILLED = Fault(
    "primary killed (-9)",
    *(_killed.kill, _killed.start),
    before_command=_killed.until_promoted,
    afterwards=_killed.until_whole,
)
PRIMARY_FROZEN = Fault(
    "primary frozen, and thawed",
    *(_frozen.freeze, _frozen.thaw),
    before_command=_frozen.until_promoted,
    afterwards=_frozen.until_whole,
)
PRIMARY_UNPLUGGED = Fault(
    "primary's cable out",
    *(_unplugged.unplug, _unplugged.plug_in),
    before_command=_unplugged.until_promoted,
    afterwards=_unplugged.until_whole,
)
STANDBY_KILLED = Fault(
    "standby killed (-9)", _alone.kill, _alone.start, before_command=_alone.until_alone, afterwards=_until_whole
)
REPLICATION_CUT = Fault(
    "primary and standby: half-open TCP",
    *(_parted.cut, _parted.join),
    before_command=_parted.until_alone,
    afterwards=_until_whole,
)
ETCD_MEMBER_KILLED = Fault(
    "etcd: leading member killed (-9)",
    *(_kill_member, _start_members),
    before_command=_until_elected,
    afterwards=_until_whole,
)
ETCD_MAJORITY_KILLED = Fault(
    "etcd: majority killed (-9)", _kill_majority, _start_members, has_database=False, afterwards=_until_whole
)
