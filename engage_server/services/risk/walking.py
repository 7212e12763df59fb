"""What somebody at a door needs on paper: what is wrong, what to do there, and which doors are near. Pure.

It names no command and no setting: who walks has neither.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from engage_server.services.risk.known import DoorAtRisk, Risk

_UPDATE = "Press 'update from server' in the vendor's app, and wait until it has called."
_TELL = "If it fails again, call the people who run the server."
_PORT_80 = "Let the people of the network open port 80 between it and the server."


@dataclass(frozen=True, slots=True)
class AtTheDoor:
    """One risk, for somebody who stands at the door.

    Attributes:
        why: What is wrong, a sentence.
        do: What to do there.
    """

    why: str
    do: str


# by the key of the diagnosis, or by the code of the risk
WORDS = {
    "loop": AtTheDoor(
        "It fetches the new certificate again and again, and then does not accept the server",
        f"Check its date and time in the vendor's app. {_UPDATE} {_TELL}",
    ),
    "anchor_refused": AtTheDoor(
        "It reported that it did not accept the new certificate",
        f"{_UPDATE} {_TELL} It may have to be commissioned again.",
    ),
    "stuck": AtTheDoor(
        "It no longer accepts the server, and did not fetch the new certificate. Its network probably blocks that",
        f"{_PORT_80} Then: {_UPDATE}",
    ),
    "for_good": AtTheDoor(
        "It does not accept the server, and no new certificate on the door changes that",
        "Nothing at the door. Call the people who run the server: it has to serve another certificate.",
    ),
    "refuses": AtTheDoor("It did not accept the server when it called", f"{_UPDATE} {_TELL}"),
    "host": AtTheDoor(
        "It calls the server by a name that is not the site's",
        "Look in the vendor's app which server it calls. Enter the site's one.",
    ),
    "no_return": AtTheDoor(
        "It fetches the new certificate, and then does not call the server again",
        f"{_UPDATE} {_TELL} It may have to be commissioned again.",
    ),
    "no_download": AtTheDoor(
        "It asks for the new certificate, and does not get it. Its network probably blocks that",
        f"{_PORT_80} Then: {_UPDATE}",
    ),
    "silent": AtTheDoor("It has not called for longer than usual", f"Check its battery and its WiFi. {_UPDATE}"),
    "elsewhere": AtTheDoor(
        "It has not called from its usual place in the network. Something else uses its number",
        f"Check whether it is there, and its battery and WiFi. {_UPDATE} {_TELL}",
    ),
    "contested": AtTheDoor(
        "Two places in the network use its number",
        "Check whether it is there, and whether a second device was commissioned with its number.",
    ),
    "reports": AtTheDoor(
        "It reported trouble with its connection within a week, and has called since",
        "Check its WiFi, and its date and time in the vendor's app.",
    ),
    "asks_again": AtTheDoor(
        "It asked for the certificate although it had one", "Find out who was at the door, and whether it was reset."
    ),
    "other_site": AtTheDoor(
        "It calls the server of another site",
        "Look in the vendor's app which server it calls. Enter the one of the site that lists it.",
    ),
    "risk.refuses_served": AtTheDoor(
        "It will not accept the server at its next call. It then fetches the new certificate",
        f"{_UPDATE} If it does not come back: {_PORT_80}",
    ),
    "risk.anchor_ends": AtTheDoor("Its certificate ends before its next call", _UPDATE),
    "risk.other_host": AtTheDoor(
        "It calls the server by a name that is not the site's",
        "Look in the vendor's app which server it calls. Enter the site's one.",
    ),
    "risk.refuses_next": AtTheDoor(
        "It would not accept what the server may send from tonight on",
        "Nothing yet. It fetches the new certificate when that comes.",
    ),
    "risk.certificate_ends": AtTheDoor("The server's certificate ends before its next call", _UPDATE),
    "risk.never_seen": AtTheDoor(
        "It is on the list, and has never called",
        f"Check whether it exists, is commissioned for this site, and has WiFi. {_UPDATE}",
    ),
}


def at_the_door(door: DoorAtRisk) -> tuple[AtTheDoor, ...]:
    """What is wrong with a door and what to do there, the worst first. The same words are given once."""
    return tuple(dict.fromkeys(_words(risk) for risk in door.risks))


def _words(risk: Risk) -> AtTheDoor:
    return WORDS[risk.case if risk.case in WORDS else risk.kind.code]


@dataclass(frozen=True, slots=True)
class WalkPlace:
    """Some doors of one place, in the order of their names.

    Attributes:
        site: The name of their site.
        place: Where they are. "" if nobody wrote it down.
        doors: The doors.
        is_continued: Whether the page before has doors of this place, too.
    """

    site: str
    place: str
    doors: tuple[DoorAtRisk, ...]
    is_continued: bool = False


def by_place(doors: Sequence[DoorAtRisk]) -> list[WalkPlace]:
    """Site, place and doors there, sorted. Doors without a place come last."""
    places: dict[tuple[str, str], list[DoorAtRisk]] = {}
    for door in doors:
        places.setdefault((door.site, door.label.place), []).append(door)
    order = sorted(places, key=lambda place: (place[0], not place[1], place[1]))
    return [WalkPlace(*key, tuple(sorted(places[key], key=lambda door: door.title))) for key in order]


def walk_pages(
    places: Sequence[WalkPlace], weight: Callable[[DoorAtRisk], int], heading: Callable[[WalkPlace], int], most: int
) -> list[tuple[WalkPlace, ...]]:
    """The pages. A place that fits on one page stands on one, so that nobody walks there twice.

    Args:
        places: See :func:`by_place`.
        weight: How much of a page a door takes.
        heading: How much the heading of a place takes.
        most: How much a page holds. What is larger alone has a page alone.
    """
    pages: list[tuple[WalkPlace, ...]] = []
    page: list[WalkPlace] = []
    left = most
    for place in places:
        for part in _parts(place, weight, most - heading(place)):
            taken = heading(place) + sum(map(weight, part.doors))
            if taken > left and page:
                pages.append(tuple(page))
                page, left = [], most
            page.append(part)
            left -= taken
    return [*pages, tuple(page)] if page else pages


def _parts(place: WalkPlace, weight: Callable[[DoorAtRisk], int], most: int) -> Iterator[WalkPlace]:
    part: list[DoorAtRisk] = []
    left, is_continued = most, False
    for door in place.doors:
        taken = weight(door)
        if taken > left and part:
            yield WalkPlace(place.site, place.place, tuple(part), is_continued)
            part, left, is_continued = [], most, True
        part.append(door)
        left -= taken
    yield WalkPlace(place.site, place.place, tuple(part), is_continued)
