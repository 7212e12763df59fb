"""Asynchronous replication: what is lost when the primary dies, and the standby had not received everything."""

import time
from dataclasses import dataclass
from functools import partial

from tests.support.running import eventually
from tests.trials.faults.patroni import pair_of
from tests.trials.installation import Installation

_DOORS = 50
_OVER, _PATIENCE = 3.0, 60.0
_SETTLED = 20.0  # seconds in which a node that can store something again has done it


@dataclass(frozen=True)
class Loss:
    """What one failover lost.

    Attributes:
        case: What was special.
        sightings: How many had been stored since the standby heard the last of the primary.
        missing_at_once: How many of them were not there when the standby was promoted.
        missing: How many were not there in the end.
        unseen: How many things that doors saw answered were not there in the end.
        twice: How many were there too often.
        audit_entries: How many entries of the audit log are gone.
        back_after: Seconds until all workers served what the database said again. The activation was lost, too.
    """

    case: str
    sightings: int
    missing_at_once: int
    missing: int
    unseen: int
    twice: int
    audit_entries: int
    back_after: float

    def sentences(self) -> list[str]:
        """For people."""
        return [
            f"asynchronous replication, primary killed (-9): {self.case}",
            f"  only the primary had {self.sightings} sightings: {self.missing_at_once} were missing at the promotion",
            f"  {self.missing} were missing in the end ({self.unseen} of what doors saw), {self.twice} were too many",
            f"  {self.audit_entries} entries of the audit log are gone, and so is the activation of a release",
            f"  all workers served what the database says {self.back_after:.1f} s after the promotion",
        ]


def fail_over_with_loss(trial: Installation, case: str, *, restarted: bool) -> Loss:
    """Let the standby fall behind while doors call, and then let the primary die.

    Args:
        trial: The installation.
        case: What is special.
        restarted: Whether the nodes are restarted before the primary dies: the files of their spools are finished then.
    """
    pair = pair_of(trial)
    pair.wait_for_standby(False)
    old, other = pair.leader, pair.standby
    before, served = _sightings(trial), trial.served
    old.machine.deaf_to(other.machine)
    trial.fleet.begin(0, min(_DOORS, trial.fleet.count), _OVER, _PATIENCE)
    trial.fleet.end()
    trial.seconds_until_stored()
    trial.activate_next()
    stored, entries = _sightings(trial), _entries(trial)
    if restarted:
        _restart_nodes(trial)
    old.kill()
    pair.until_led_by(other)
    promoted, missing_at_once = time.monotonic(), stored - _sightings(trial)
    trial.served = served
    trial.seconds_until_confirmed(0)
    back_after = time.monotonic() - promoted
    _wait_until_settled(trial)
    missing, gone = stored - _sightings(trial), entries - _entries(trial)
    loss = Loss(case, stored - before, missing_at_once, missing, trial.missing(), trial.twice(), gone, back_after)
    old.machine.hears_again()
    old.start()
    pair.until_whole()
    pair.wait_for_standby(True)
    trial.fleet.forget_missing(trial.stored())
    return loss


def _sightings(trial: Installation) -> int:
    return int(trial.primary.ask("SELECT count(*) FROM sightings WHERE address LIKE '10.79.1%'"))  # of doors


def _entries(trial: Installation) -> int:
    return int(trial.primary.ask("SELECT count(*) FROM audit_events"))


def _restart_nodes(trial: Installation) -> None:
    before = [path for node in trial.nodes for path in node.spool_files()]
    for node in trial.nodes:
        node.program.stop()
        node.start()
    eventually(lambda: not any(path.exists() for path in before), "the finished files of the spools are gone")


def _wait_until_settled(trial: Installation) -> None:
    until = time.monotonic() + _SETTLED
    while trial.missing() and time.monotonic() < until:
        time.sleep(0.5)


CASES = (
    partial(fail_over_with_loss, case="the files of the spools were still in use", restarted=False),
    partial(fail_over_with_loss, case="the files of the spools were finished", restarted=True),
)
