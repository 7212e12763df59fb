"""What the gate says of devices, in plain words: which ones, at which address, and what to do. Pure."""

from collections.abc import Iterator

from engage_server.records import Adoption, Crowd, Doubt, SuspectDevice

_DOUBTS = {
    Doubt.CONTESTED: "by turns at two addresses, so neither counts",
    Doubt.SAYS_NO: "say in an audit that they did not take the anchor",
    Doubt.PLAIN_LOOP: "download over and over by plain HTTP, which anybody can do in their name",
    Doubt.REFUSED_SHARED: "stand at an address of several devices where TLS was refused",
    Doubt.REFUSED_UNPROVEN: "refuse TLS, which carries no token",
    Doubt.NEW_ADDRESS: "moved to another address during this step, and do not come through there",
    Doubt.TOGETHER: "moved during this step to an address that is given for other devices, too",
    Doubt.SILENT_NO_HABIT: "silent, and without a habit of three nights that they could miss",
    Doubt.SILENT_SHARED: "silent, at an address of several devices",
}
_LOST = {
    "refused": "refuse TLS from their usual address",
    "silent": "have missed their habit",
    "moved": "called from another address than their usual one; from there a third night in a row counts",
    "elsewhere": "were not well before at their usual address, and were seen at another one",
}


def came(adoption: Adoption) -> str:
    """How many of how many."""
    return f"{adoption.confirmed} of {adoption.devices} devices came through"


def undecided_words(adoption: Adoption) -> str:
    """Whoever is in the way, by kind, with an example of each."""
    return "; ".join(_kinds(adoption)) or "look after those that are missing, or let it pass"


def crowd_words(adoption: Adoption, crowd: Crowd) -> str:
    """Which address claims too many devices."""
    return (
        f"{crowd.devices} of {adoption.devices} devices were named by TLS connections from {crowd.address}, which is "
        "the usual address of none of them: a NAT or proxy that is new, or somebody who uses their serial numbers. "
        f"Find out whose address {crowd.address} is"
    )


def doubt_words(doubt: Doubt) -> str:
    """What a doubt means."""
    return _DOUBTS[doubt]


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
    return f"{device.identity}{at}{seen}"
