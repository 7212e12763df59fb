"""Describes the gate's counts in words: which devices, at which address, and what to do. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from engage_server.records import Adoption, Crowd, Doubt, SuspectDevice, door_title

_DOUBTS = {
    Doubt.CONTESTED: "alternated between two addresses, so neither counts",
    Doubt.SAYS_NO: "reported in an audit that the anchor was not accepted",
    Doubt.PLAIN_LOOP: "downloaded again and again by plain HTTP, which anyone can do in a device's name",
    Doubt.REFUSED_SHARED: "at an address of several devices from which TLS was refused",
    Doubt.REFUSED_UNPROVEN: "refused TLS, but a refusal carries no token",
    Doubt.NEW_ADDRESS: "moved to another address during this step, and did not come through there",
    Doubt.TOGETHER: "moved during this step to an address that other devices use as well",
    Doubt.SILENT_NO_HABIT: "silent, but without a habit of three nights that could be missed",
    Doubt.SILENT_SHARED: "silent, at an address of several devices",
}
_LOST = {
    "refused": "refused TLS from the usual address",
    "silent": "missed the usual calls",
    "moved": "called from a new address, which counts from the third night in a row",
    "elsewhere": "not well at the usual address before, but seen at another one",
}
_KINDS = {
    "refused": "refused TLS from their usual address",
    "silent": "missed their habit of three nights or more",
    "moved": "called from another address, which counts after three nights in a row",
    "elsewhere": "not counted: not well before, and seen at another address recently",
}


@dataclass(frozen=True, slots=True)
class SuspectKind:
    """Devices that have not come through, all for the same reason.

    Attributes:
        name: The reason, as scripts see it.
        count: How many they are.
        words: The reason, as words that follow the count.
        examples: A few of them.
    """

    name: str
    count: int
    words: str
    examples: tuple[SuspectDevice, ...]


def suspect_kinds(adoption: Adoption) -> list[SuspectKind]:
    """The devices that are lost, in doubt or elsewhere, by kind."""
    found = [(name, getattr(adoption, name), words) for name, words in _KINDS.items()]
    found += [(doubt.value, count, _DOUBTS[doubt]) for doubt, count in adoption.doubtful.items()]
    return [SuspectKind(name, count, words, adoption.examples.get(name, ())) for name, count, words in found if count]


def came(adoption: Adoption) -> str:
    """How many of the devices came through."""
    return f"{adoption.confirmed} of {adoption.devices} devices came through"


def undecided_words(adoption: Adoption) -> str:
    """The devices that are in the way, by kind, with examples of each."""
    return "; ".join(_kinds(adoption)) or "check the missing devices, or approve the step"


def crowd_words(adoption: Adoption, crowd: Crowd) -> str:
    """The sentences about the address that names too many devices."""
    return (
        f"TLS connections from {crowd.address} named {crowd.devices} of {adoption.devices} devices, but it is the "
        "usual address of none of them. It is a new NAT or proxy, or somebody uses their serial numbers. "
        f"Find out whose address {crowd.address} is"
    )


def example_words(devices: tuple[SuspectDevice, ...]) -> str:
    """A few devices, with their addresses."""
    return ", ".join(map(_place, devices))


def _kinds(adoption: Adoption) -> Iterator[str]:
    for name, words in _LOST.items():
        count = getattr(adoption, name)
        if count:
            yield f"{count} {words}{_such_as(adoption, name)}"
    for doubt, count in adoption.doubtful.items():
        yield f"{count} {_DOUBTS[doubt]}{_such_as(adoption, doubt.value)}"


def _such_as(adoption: Adoption, kind: str) -> str:
    examples = adoption.examples.get(kind, ())
    return f" ({example_words(examples)})" if examples else ""


def _place(device: SuspectDevice) -> str:
    at = f" at {device.home}" if device.home not in ("", device.identity) else ""
    seen = f", seen at {device.away}" if device.away else ""
    return f"{door_title(device.identity, device.label)}{at}{seen}"
