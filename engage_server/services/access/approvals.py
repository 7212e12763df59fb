"""Decides whose approval counts where two persons are needed. Pure: who started, who approved and who asks go in.

Some names are nobody in particular, because anybody may stand behind them. Those are ``root``, the service's account, a
container's user without a name, tokens, and the servers themselves.

1. Who started the rotation does not count, under no spelling of their name and through no face.
2. If nobody in particular started it, anybody may have: then two different persons have to approve.
3. One approval that was given alone is enough, and is logged as such.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from engage_server.errors import Refused
from engage_server.records import Actor, ActorKind, Approval

# accounts that several people act through
SHARED_ACCOUNTS = frozenset({"root", "engage"})
_AS = " as "


@dataclass(frozen=True, slots=True)
class Count:
    """How far the approvals of a step are.

    Attributes:
        persons: The persons whose approval counts, oldest first, each once.
        missing: Who still has to approve, as the rest of a sentence. "" if nobody has to.
    """

    persons: tuple[str, ...]
    missing: str

    @property
    def is_enough(self) -> bool:
        """Whether the step may be taken."""
        return not self.missing


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who wants to approve a step.

    Attributes:
        actor: Who, and which face they came through.
        is_alone: Whether they say that they do it without a second person.
    """

    actor: Actor
    is_alone: bool = False


def person_of(name: str) -> str:
    """The person behind a name of the audit log: ``anna`` of "anna", and of "anna as root".

    Returns:
        "" for nobody in particular. That includes ``bert as anna``: either may have typed it.
    """
    behind, separator, account = name.partition(_AS)
    if separator and account.casefold() not in SHARED_ACCOUNTS:
        return ""
    is_of_one = behind and " " not in behind and _spelling(behind) not in SHARED_ACCOUNTS
    return behind if is_of_one else ""


def count(started_by: str, approvals: Sequence[Approval]) -> Count:
    """Count the approvals of one step.

    Args:
        started_by: Who started the rotation, as the audit log has them.
        approvals: Those of the step.
    """
    starter = person_of(started_by)
    persons: dict[str, str] = {}
    for approval in approvals:
        person = person_of(approval.person)
        if person and _spelling(person) != _spelling(starter):
            persons.setdefault(_spelling(person), person)
    found = tuple(persons.values())
    if any(approval.is_alone for approval in approvals):
        return Count(found, "")
    return Count(found, _missing(starter, started_by, found))


def admit(
    candidate: Candidate, started_by: str, approvals: Sequence[Approval], now: datetime, reason: str, step: int
) -> Approval:
    """Make the approval of somebody, for a step that needs two persons.

    Args:
        candidate: Who wants to approve.
        started_by: Who started the rotation, as the audit log has them.
        approvals: Those that the step has already.
        now: The time, timezone-aware.
        reason: Their reason.
        step: The step.

    Returns:
        The approval. It is marked as given alone only if it would not be enough otherwise.

    Raises:
        Refused: It would not count. The code says why: ``access.people_only``, ``approval.nobody``,
            ``approval.same_person``, ``approval.given`` or ``access.command_line_only``.
    """
    actor = candidate.actor
    assert_person(actor)
    person = person_of(actor.name)
    approval = Approval(step, person or actor.name, now, reason)
    before, after = count(started_by, approvals), count(started_by, [*approvals, approval])
    if after.is_enough:
        return approval
    if candidate.is_alone:
        _assert_command_line(actor)
        return replace(approval, is_alone=True)
    if not person:
        raise _nobody(actor.name)
    if after.persons == before.persons:
        raise _no_other(person, before)
    return approval


def assert_person(actor: Actor) -> None:
    """Refuse what no token and no server may do, whatever else holds.

    Raises:
        Refused: It is no person.
    """
    if actor.kind in (ActorKind.TOKEN, ActorKind.SERVERS):
        raise Refused(
            f"{actor.name} cannot approve a step: a person must",
            "Sign in, and do it there. Or on the server: engage rotate approve",
            code="access.people_only",
        )


def _missing(starter: str, started_by: str, found: Sequence[str]) -> str:
    if starter:
        return "" if found else f"one person other than {starter} must approve it"
    if len(found) > 1:
        return ""
    have = f". {found[0]} has" if found else ""
    return f"{started_by} started it and is nobody in particular, so two persons must approve it{have}"


def _no_other(person: str, before: Count) -> Refused:
    if any(_spelling(person) == _spelling(each) for each in before.persons):
        return Refused(
            f"{person} has approved this step already, and one more person is needed",
            "Ask somebody else.",
            code="approval.given",
        )
    return Refused(
        f"{person} started this rotation, and two persons are needed: {before.missing}",
        "Ask somebody else. If nobody can be asked, add --alone: the audit log says so.",
        code="approval.same_person",
    )


def _nobody(name: str) -> Refused:
    return Refused(
        f"{name} is nobody in particular, and this step needs a second person",
        "Come with sudo from your own account. If nobody can be asked, add --alone: the audit log says so.",
        code="approval.nobody",
    )


def _assert_command_line(actor: Actor) -> None:
    if actor.kind is not ActorKind.COMMAND_LINE:
        raise Refused(
            "to approve alone is possible on the command line alone",
            "Ask a second person. Or on the server: engage rotate approve --alone",
            code="access.command_line_only",
        )


def _spelling(name: str) -> str:
    """What is left of a name when the same person signs in elsewhere: no domain, and no upper case."""
    return name.rpartition("\\")[2].partition("@")[0].casefold()
