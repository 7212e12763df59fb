"""Selects the findings that an operator wants to see: all, only some codes, or all except some codes."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from engage_server.checks.explained import EXPLANATIONS
from engage_server.checks.finding import Finding
from engage_server.errors import UsageError
from engage_server.pki.containers.instead import NO_CHAIN

_OF_THE_IMPORT = "vendor"  # these codes have one place each, in services.vendor, and stand beside their explanation
_CLOSE = 0.7  # below it, a code of another command would be taken for a slip of the pen


@dataclass(frozen=True, slots=True)
class Selection:
    """Codes, or first parts of codes such as ``validity``. Create it with :meth:`of`, which refuses unknown codes.

    Attributes:
        ignored: Findings with these codes are left out.
        selected: Findings with any other code are left out; empty to leave out none.
    """

    ignored: tuple[str, ...] = ()
    selected: tuple[str, ...] = ()

    @classmethod
    def of(cls, ignored: Iterable[str], selected: Iterable[str]) -> Self:
        """Read codes as the user gave them. One text may contain several codes, separated by commas.

        Raises:
            UsageError: There is no such code, or it is for targets that were not judged and cannot be ignored.
        """
        to_ignore, to_select = _codes(ignored), _codes(selected)
        for code in to_ignore:
            if not any(map(_can_be_ignored, explained_codes(code))):
                raise UsageError(
                    f"{code} cannot be ignored: it means that a target was not judged", "Leave out that target."
                )
        return cls(to_ignore, to_select)

    def wants(self, finding: Finding) -> bool:
        """Whether a finding on a chain is reported."""
        if _can_be_ignored(finding.code) and any(_covers(each, finding.code) for each in self.ignored):
            return False
        return not self.selected or any(_covers(each, finding.code) for each in self.selected)

    def skips(self, code: str) -> bool:
        """Whether to skip a target that is not a chain, because the operator ignores this code."""
        return code in NO_CHAIN and any(_covers(each, code) for each in self.ignored)


def explained_codes(text: str) -> Sequence[str]:
    """The codes that a text stands for: the code itself, or all codes that have it as their first part.

    Raises:
        UsageError: There is no such code.
    """
    found = [code for code in EXPLANATIONS if _covers(text, code)]
    if _covers(_OF_THE_IMPORT, text):
        raise UsageError(
            f"{text!r} is a code of 'engage import vendor', not of a check of chains",
            "Run 'engage import vendor FOLDER': each of its findings says what is wrong and how to fix it.",
        )
    if not found:
        known = EXPLANATIONS if "." in text else {each.area for each in EXPLANATIONS.values()}
        close = difflib.get_close_matches(text, known, n=1, cutoff=_CLOSE)
        hint = f"Did you mean {close[0]}? " if close else ""
        raise UsageError(f"no finding has the code {text!r}", f"{hint}List all codes: engage chain explain")
    return found


def _codes(texts: Iterable[str]) -> tuple[str, ...]:
    codes = tuple(code.strip() for text in texts for code in text.split(",") if code.strip())
    for code in codes:
        explained_codes(code)
    return codes


def _can_be_ignored(code: str) -> bool:
    explained = EXPLANATIONS.get(code)
    return explained is None or not explained.is_unreadable or code in NO_CHAIN


def _covers(text: str, code: str) -> bool:
    return code == text or code.startswith(f"{text}.")
