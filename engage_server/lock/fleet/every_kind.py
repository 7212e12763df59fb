"""Tries every kind of device on a host, to find those that would be lost."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from engage_server.lock.firmware import QUESTIONS, Firmware, all_kinds, answer_in_words
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.step import Step
from engage_server.lock.target import Target
from engage_server.lock.virtual_lock import Trigger, VirtualLock, accepted
from engage_server.records import Secret


@dataclass(frozen=True, slots=True)
class Trial:
    """The result for one kind of device.

    Attributes:
        firmware: The kind of device.
        failure: The step that failed; None if the device works.
    """

    firmware: Firmware
    failure: Step | None


@dataclass(frozen=True, slots=True)
class Loss:
    """Devices that would be lost, described as briefly as possible.

    Attributes:
        who: ``every device``, or ``devices that ...``.
        count: The number of tried kinds that this describes.
        failure: The step at which the first of them failed.
    """

    who: str
    count: int
    failure: Step


def try_all(
    target: Target, key: Secret, limits: DeviceLimits, base: Firmware, now: datetime, serial: str | None
) -> Iterator[Trial]:
    """Commission one device of every kind, one after the other.

    Raises:
        NotPossible: There is no connection or no answer.
    """
    for firmware in all_kinds(base):
        steps = list(VirtualLock(target, key, limits, firmware, serial).run(Trigger.COMMISSIONING, now))
        failure = None if accepted(steps) else next(step for step in reversed(steps) if not step.ok)
        yield Trial(firmware, failure)


def losses(trials: Iterable[Trial], base: Firmware) -> list[Loss]:
    """Sum up the lost devices: all of them, or all with the same answer to a question, then any others one by one."""
    tried = list(trials)
    lost = [trial for trial in tried if trial.failure is not None]
    if lost and len(lost) == len(tried):
        return [_loss("every device", lost)]
    found: list[Loss] = []
    for question, answers in QUESTIONS.items():
        for answer in answers:
            those = [trial for trial in tried if getattr(trial.firmware, question) == answer]
            if those and all(trial.failure is not None for trial in those):
                found.append(_loss(f"devices that {answer_in_words(question, answer)}", those))
                lost = [trial for trial in lost if trial not in those]
    for trial in lost:
        words = trial.firmware.described(base) or "behave in the most likely way"
        found.append(_loss(f"devices that {words}", [trial]))
    return found


def _loss(who: str, trials: list[Trial]) -> Loss:
    failure = next(trial.failure for trial in trials if trial.failure is not None)
    return Loss(who, len(trials), failure)
