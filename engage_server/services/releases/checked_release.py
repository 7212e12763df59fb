"""A release with its findings, and the errors that an operator accepts."""

from collections.abc import Mapping
from dataclasses import dataclass

from engage_server.checks import Finding, Severity
from engage_server.errors import Refused, UsageError
from engage_server.records import Release, read_reason


@dataclass(frozen=True, slots=True)
class CheckedRelease:
    """A release, and the findings of the checks at the time of the call."""

    release: Release
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that keep it from going live."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)


def allowed(checked: CheckedRelease, overrides: Mapping[str, str]) -> CheckedRelease:
    """The same checked release, if its findings let it go live.

    Args:
        checked: The release.
        overrides: The errors that the operator accepts: for each code the reason.

    Raises:
        UsageError: An override without a reason, or of an error that is not there.
        Refused: Errors without an override.
    """
    _assert_overrides(checked, overrides)
    open_errors = [finding for finding in checked.errors if finding.code not in overrides]
    if open_errors:
        release = checked.release
        raise Refused(
            f"release {release.number} of {release.site} cannot be activated:",
            f"Stage a chain without these errors: engage release stage DIR --site {release.site}. "
            "Or repeat this command, and accept each error by its code: --override CODE=REASON.",
            code="release.refused",
            rows=map(_line, open_errors),
        )
    return checked


def facts_of(overrides: Mapping[str, str]) -> dict[str, str]:
    """The reasons of overrides, for the audit log. They are read as any other reason is."""
    return {f"override {code}": read_reason(reason) for code, reason in overrides.items()}


def _assert_overrides(checked: CheckedRelease, overrides: Mapping[str, str]) -> None:
    codes = {finding.code for finding in checked.errors}
    for code, reason in overrides.items():
        if not reason.strip():
            raise UsageError(
                f"the override of {code} has no reason", "Give one: --override CODE=REASON.", code="override.no_reason"
            )
        if code not in codes:
            raise UsageError(
                f"this release has no error {code} to override",
                f"Errors of this release: {', '.join(sorted(codes)) or 'none'}.",
                code="override.unknown",
            )


def _line(finding: Finding) -> str:
    about = f"{finding.certificate}: " if finding.certificate else ""
    return f"  {finding.code}: {about}{finding.sentence}"
