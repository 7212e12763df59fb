"""One row of the conformance table: what a device needs from a host, and the result."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from engage_server.errors import EngageError
from engage_server.lock.conformance.fixes import FIXES
from engage_server.lock.conformance.probed_host import ProbedHost
from engage_server.lock.refusal import DeviceRefusal


class Certainty(StrEnum):
    """How certain it is that devices need it (the protocol notes)."""

    VENDOR = "vendor page"
    FIELD = "reported from the field"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement of devices.

    Attributes:
        code: A stable code, ``area.what``.
        sentence: The requirement as a sentence.
        certainty: How certain the requirement is.
        check: Tests the host. It returns what it saw, or raises DeviceRefusal.
    """

    code: str
    sentence: str
    certainty: Certainty
    check: Callable[[ProbedHost], str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one row.

    Attributes:
        requirement: The requirement.
        passed: Whether the host meets it.
        seen: What the host did.
        mend: How to fix the host; "" if the host meets it.
    """

    requirement: Requirement
    passed: bool
    seen: str
    mend: str = ""


def tried(requirement: Requirement, host: ProbedHost) -> Outcome:
    """Test one requirement. Never raises: a host that does not answer fails the test."""
    fix = FIXES[requirement.code]
    try:
        return Outcome(requirement, passed=True, seen=requirement.check(host))
    except DeviceRefusal as refusal:
        return Outcome(requirement, passed=False, seen=refusal.sentence, mend=refusal.next_step or fix)
    except EngageError as error:
        return Outcome(requirement, passed=False, seen=error.sentence, mend=error.next_step or fix)
    except OSError as error:
        return Outcome(requirement, passed=False, seen=f"no connection: {error.strerror or 'no answer'}", mend=fix)
