"""The stages of a rotation as a list: what is done, what goes on now, and what comes next. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from engage_server.records import Rotation, RotationState

_TITLES = {1: ("next",), 2: ("transition", "next")}


class StageMark(StrEnum):
    """How far a stage is."""

    DONE = "done"
    NOW = "now"
    NEXT = "next"
    LEFT_OUT = "left out"  # the rotation ended before it


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage.

    Attributes:
        mark: How far it is.
        words: What happens in it, as a sentence without its full stop.
        release: The release that it serves. None: it serves no other than before.
    """

    mark: StageMark
    words: str
    release: int | None = None


def stages_of(rotation: Rotation) -> tuple[Stage, ...]:
    """All stages of a rotation, in their order."""
    return (_preparation(rotation), *_waves(rotation), *_services(rotation), _end(rotation))


def _preparation(rotation: Rotation) -> Stage:
    words = "the chains are built, validated with both anchors, and staged"
    if rotation.state is RotationState.PREPARING:
        return Stage(StageMark.NOW, words)
    return Stage(StageMark.DONE if rotation.releases else StageMark.LEFT_OUT, words)


def _waves(rotation: Rotation) -> list[Stage]:
    if not rotation.after:
        return []
    words = f"the rotations of {', '.join(rotation.after)} are done first"
    if rotation.step or not rotation.state.is_open:
        return [Stage(StageMark.DONE if rotation.step else StageMark.LEFT_OUT, words)]
    return [Stage(StageMark.NEXT if rotation.state is RotationState.PREPARING else StageMark.NOW, words)]


def _services(rotation: Rotation) -> list[Stage]:
    if not rotation.releases:
        mark = StageMark.NEXT if rotation.state.is_open else StageMark.LEFT_OUT
        return [Stage(mark, "the new chains are served one after the other, and doors come through")]
    titles = _TITLES.get(len(rotation.releases), ("",) * len(rotation.releases))
    return [
        Stage(_mark(rotation, place), f"release {number} is served, and doors come through{_chain(title)}", number)
        for place, (number, title) in enumerate(zip(rotation.releases, titles, strict=True), 1)
    ]


def _chain(title: str) -> str:
    return f" (the {title} chain)" if title else ""


def _mark(rotation: Rotation, place: int) -> StageMark:
    if place < rotation.step or (place == rotation.step and not rotation.state.is_open):
        return StageMark.DONE
    if place == rotation.step or (place == 1 and rotation.state is RotationState.HELD and not rotation.after):
        return StageMark.NOW
    return StageMark.NEXT if rotation.state.is_open else StageMark.LEFT_OUT


def _end(rotation: Rotation) -> Stage:
    if rotation.state is RotationState.ABORTED:
        return Stage(StageMark.DONE, "a person ended the rotation")
    if rotation.state is RotationState.ROLLED_BACK:
        return Stage(StageMark.DONE, f"too many doors were lost, so release {rotation.from_release} was served again")
    words = f"the rotation is done. Release {rotation.from_release} can be retired when no door needs it"
    return Stage(StageMark.NEXT if rotation.state.is_open else StageMark.DONE, words)
