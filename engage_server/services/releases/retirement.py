"""Answers whether the private key of a release can be destroyed: releases with the same answer have one sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from engage_server.services.releases.reception import Reception

GO_BACK_TO, STILL_NEED = "go back to", "still need"
_NOTHING: Mapping[int, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RetirementAdvice:
    """Whether devices may still need a release.

    Attributes:
        releases: The releases that would be retired. If there are others, those that an open rotation needs are left
            out.
        is_safe: Whether every known device holds the anchor of the current release.
        sentence: The answer, with its figures. Two sentences if an open rotation needs some of the releases.
        reception: How many devices accept the current release; None if nothing is served.
    """

    releases: tuple[int, ...]
    is_safe: bool
    sentence: str
    reception: Reception | None


def advise(
    releases: Sequence[int], current: Reception | None, needed: Mapping[int, str] = _NOTHING
) -> RetirementAdvice:
    """Judge by what is served now. It is checked elsewhere whether a release is current.

    Args:
        releases: The releases that would be retired; at least one.
        current: How many devices accept what is served now; None if nothing is served.
        needed: The releases that an open rotation needs, with :data:`GO_BACK_TO` or :data:`STILL_NEED`.
    """
    kept = [number for number in releases if number in needed]
    numbers = tuple(number for number in releases if number not in needed)
    if not numbers:
        sentence = f"{_question(kept)} not yet: {_open_rotation(kept, needed)}"
        return RetirementAdvice(tuple(kept), False, sentence, current)
    advice = _by_doors(numbers, current)
    if not kept:
        return advice
    later = f"Not yet safe to retire release{_s(kept)} {_listed(kept)}: {_open_rotation(kept, needed)}"
    return replace(advice, sentence=f"{advice.sentence}. {later}")


def _by_doors(numbers: tuple[int, ...], current: Reception | None) -> RetirementAdvice:
    question = _question(numbers)
    if current is None:
        return RetirementAdvice(numbers, False, f"{question} no: the site serves nothing else", None)
    anchor = f"the anchor of release {current.release}"
    others = current.devices - current.hold
    if others:
        sentence = (
            f"no: {_doors(others, 'does', 'do')} not provably hold {anchor}, such as {current.not_holding[0].title}"
        )
    elif not current.devices:
        sentence = "no: no door has come through with any release yet"
    else:
        sentence = f"yes, {current.hold} of {current.devices} doors hold {anchor}"
    is_safe = bool(current.devices) and not others
    return RetirementAdvice(numbers, is_safe, f"{question} {sentence}{_apart(current)}", current)


def _question(numbers: Sequence[int]) -> str:
    return f"safe to retire release{_s(numbers)} {_listed(numbers)}:"


def _open_rotation(kept: Sequence[int], needed: Mapping[int, str]) -> str:
    return f"the open rotation may {_uses(kept, needed)} {'them' if kept[1:] else 'it'}"


def _uses(kept: Sequence[int], needed: Mapping[int, str]) -> str:
    """What the rotation may do with all of them: it goes back to one at most."""
    uses = {needed[number] for number in kept}
    return uses.pop() if len(uses) == 1 else STILL_NEED


def _s(numbers: Sequence[int]) -> str:
    return "s" if numbers[1:] else ""


def _listed(numbers: Sequence[int]) -> str:
    *first, last = map(str, numbers)
    return f"{', '.join(first)} and {last}" if first else last


def _apart(current: Reception) -> str:
    """The doors about which nothing is known, and those that do not count."""
    parts = [
        (current.never_finished, "{} never finished TLS"),
        (current.unseen, "{} on the list {} never seen"),
        (current.strangers, "{} not on the list {} not counted"),
    ]
    found = [text.format(_doors(count, "", "").rstrip(), _was(count)) for count, text in parts if count]
    return "".join(f"; {each}" for each in found)


def _doors(count: int, one: str, many: str) -> str:
    return f"1 door {one}" if count == 1 else f"{count} doors {many}"


def _was(count: int) -> str:
    return "was" if count == 1 else "were"
