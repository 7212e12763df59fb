"""What a page says before a release is served, and what its sender accepted in the form."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from engage_server.checks import Finding
from engage_server.records import RotationState
from engage_server.services.evidence.callers import HostCallers
from engage_server.services.releases.reception import Reception
from engage_server.web.console.visit import Visit

_OVERRIDE = "override-"


@dataclass(frozen=True, slots=True)
class BeforeServing:
    """What happens if a release is served.

    Attributes:
        number: Of the release.
        reception: How the doors would respond.
        left_out: Hosts that doors call, and that neither the site has nor the certificate names.
        errors: What keeps it from going live, unless somebody accepts each with a reason.
        is_decided_by_rotation: Whether an open rotation decides what is served, so that nothing else may.
    """

    number: int
    reception: Reception
    left_out: Sequence[HostCallers]
    errors: tuple[Finding, ...]
    is_decided_by_rotation: bool

    @property
    def errors_by_code(self) -> list[tuple[str, list[Finding]]]:
        """See :func:`by_code`."""
        return by_code(self.errors)


def by_code(findings: Iterable[Finding]) -> list[tuple[str, list[Finding]]]:
    """The findings of each code, in their order: an override accepts all of one code at once."""
    found: dict[str, list[Finding]] = {}
    for each in findings:
        found.setdefault(each.code, []).append(each)
    return list(found.items())


def before_serving(visit: Visit, number: int, *, going_back: bool = False) -> BeforeServing:
    """Look at what would happen.

    Args:
        visit: Who looks.
        number: Of a release of the site.
        going_back: Whether it was served before and is judged by the hosts that it had then.
    """
    services, name = visit.services, visit.site.name
    check = services.releases.check_going_back if going_back else services.releases.check
    rotation = services.rotations.open_rotation(name)
    return BeforeServing(
        number,
        services.held_anchors.reception(name, number, visit.now),
        services.held_anchors.callers_left_out(name, number, visit.now),
        check(name, number, visit.occasion).errors,
        rotation is not None and bool(rotation.step) and rotation.state is not RotationState.WAITING,
    )


def served_as_typed(visit: Visit, number: int) -> dict[str, Any]:
    """The fields ``reason`` and ``accept_failing_doors`` for the API.

    Raises:
        UsageError: Doors would fail TLS, and the name of the site was not typed (``console.not_confirmed``).
    """
    name = visit.site.name
    fails = visit.services.held_anchors.reception(name, number, visit.now).fails_somebody
    if fails and visit.services.releases.current(name) != number:
        visit.assert_typed_site()
    return {"reason": visit.typed("reason"), "accept_failing_doors": fails}


def overrides_typed(visit: Visit) -> dict[str, str]:
    """The errors that the sender accepts: the code of each with the reason."""
    return {
        name.removeprefix(_OVERRIDE): reason.strip()
        for name, reason in visit.fields.items()
        if name.startswith(_OVERRIDE) and reason.strip()
    }
