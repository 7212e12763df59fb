"""What a device needs from a host: one row of the conformance table, and how it came out."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from engage_server.errors import EngageError
from engage_server.lock.conformance.probed_host import ProbedHost
from engage_server.lock.refusal import DeviceRefusal


class Certainty(StrEnum):
    """How sure it is that devices need it (the protocol notes)."""

    VENDOR = "vendor page"
    FIELD = "reported from the field"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that a device needs.

    Attributes:
        code: Stable, ``area.what``.
        sentence: What it needs.
        certainty: How sure that is.
        check: Tries it; gives what it saw, or raises DeviceRefusal.
    """

    code: str
    sentence: str
    certainty: Certainty
    check: Callable[[ProbedHost], str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one row came out.

    Attributes:
        requirement: The row.
        passed: Whether the host does what is needed.
        seen: What was seen.
        mend: How to mend the host, if that is known.
    """

    requirement: Requirement
    passed: bool
    seen: str
    mend: str = ""


def tried(requirement: Requirement, host: ProbedHost) -> Outcome:
    """Try one row. Never raises: a host that does not answer does not do what is needed."""
    try:
        return Outcome(requirement, passed=True, seen=requirement.check(host))
    except DeviceRefusal as refusal:
        return Outcome(requirement, passed=False, seen=refusal.sentence, mend=refusal.next_step)
    except EngageError as error:
        return Outcome(requirement, passed=False, seen=error.sentence, mend=error.next_step)
    except OSError as error:
        return Outcome(requirement, passed=False, seen=f"no connection: {error.strerror or 'silence'}")
