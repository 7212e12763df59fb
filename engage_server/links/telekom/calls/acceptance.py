"""The two test cases of the document's section 7, which Telekom asks for before it opens production."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lxml import etree

from engage_server.errors import EngageError
from engage_server.links.telekom.messages.verifying import Verified
from engage_server.records import PathEvent

# case -> operation, the answer that the document names, and what has to come later
USAGE, ACTIVATION = "a", "b"
OPERATIONS = {
    USAGE: ("m2mmon", "SIMUsageGet", "SIMUsageResponse"),
    ACTIVATION: ("m2madm", "SIMActivation", "MessageResponse"),
}
LATER = "M2MAdmResponse"
_POLL_SECONDS = 2.0

Call = Callable[[str, str, Mapping[str, Any]], Verified]
Events = Callable[[datetime], Iterable[PathEvent]]


@dataclass(frozen=True, slots=True)
class Step:
    """One message of a test case.

    Attributes:
        at: When; aware.
        what: A sentence.
        sha256: Of the Body's canonical content; "" for a message that we sent.
    """

    at: datetime
    what: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a test case.

    Attributes:
        case: ``a`` or ``b``.
        steps: Its messages, in order.
        failure: Why it failed; "" if it passed.
    """

    case: str
    steps: tuple[Step, ...]
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Means:
    """What the test cases need from outside.

    Attributes:
        call: Calls a service's operation: ``m2mmon``, ``SIMUsageGet``, parameters. Returns the verified answer.
        events: Returns the notifications of this environment that came since a time.
        now: The clock.
        sleep: Waits for so many seconds.
        told: Gets each step at once.
    """

    call: Call
    events: Events
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    told: Callable[[Step], None]


def run_case(
    case: str, parameters: Mapping[str, Any], identifiers: Iterable[str], wait: timedelta, means: Means
) -> Outcome:
    """Run one test case.

    Args:
        case: ``a`` or ``b``.
        parameters: Of its operation.
        identifiers: What the later notification of case b must name one of.
        wait: How long to wait for that.
        means: What it needs from outside.
    """
    steps: list[Step] = []

    def step(at: datetime, what: str, sha256: str = "") -> None:
        steps.append(Step(at, what, sha256))
        means.told(steps[-1])

    service, operation, wanted = OPERATIONS[case]
    begun = means.now().replace(microsecond=0)  # as coarse as any store keeps it
    step(begun, f"{operation} sent, signed")
    try:
        answer = means.call(service, operation, parameters)
    except EngageError as error:
        return Outcome(case, tuple(steps), f"[{error.code}] {error.sentence}")
    names = [etree.QName(child).localname for child in answer.body]
    step(
        means.now(), f"{', '.join(names) or 'an empty Body'} received, signature and timestamp accepted", answer.digest
    )
    if names != [wanted]:
        return Outcome(case, tuple(steps), f"the answer is not {wanted}")
    if case == USAGE:
        return Outcome(case, tuple(steps))
    event = _later(begun, set(identifiers), begun + wait, means)
    if event is None:
        return Outcome(case, tuple(steps), f"no {LATER} came within {wait.total_seconds() / 60:g} min")
    step(event.at, f"{LATER} received, signature and timestamp accepted", event.detail.get("sha256", ""))
    step(event.at, "answered with the signed acknowledgement of links.toml")
    return Outcome(case, tuple(steps))


def _later(begun: datetime, identifiers: set[str], until: datetime, means: Means) -> PathEvent | None:
    """The notification that belongs to the activation: it came later, and names the same card."""
    while True:
        for event in means.events(begun):
            named = set(event.detail.get("identifiers", "").split())
            if event.at >= begun and event.detail.get("message") == LATER and named & identifiers:
                return event
        if means.now() >= until:
            return None
        means.sleep(_POLL_SECONDS)
