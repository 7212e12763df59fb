"""What stands on paper for somebody who walks to a door."""

import pytest

from engage_server.records import DeviceLabel
from engage_server.services.risk.doors import doors_at_risk
from engage_server.services.risk.kinds import KINDS, NEVER_SEEN, OF_DIAGNOSIS
from engage_server.services.risk.known import DoorAtRisk, Prospect, Risk
from engage_server.services.risk.walking import WORDS, WalkPlace, at_the_door, by_place, walk_pages
from tests.support.chains import NOW
from tests.support.risks import DAY, calm, well


def test_every_risk_of_a_door_has_its_words() -> None:
    diagnosed = set(OF_DIAGNOSIS.values())
    own = {kind.code for kind in KINDS if not kind.of_site and kind not in diagnosed}
    assert own | set(OF_DIAGNOSIS) | {"stuck", "host", "for_good"} == set(WORDS)


@pytest.mark.parametrize("key", WORDS)
def test_they_name_no_command_and_no_setting(key: str) -> None:
    text = f"{WORDS[key].why} {WORDS[key].do}"
    assert not [word for word in ("engage ", "cert_url", "public_http_port", "TLS", "--", "anchor") if word in text]


def test_a_door_has_the_words_of_each_of_its_risks() -> None:
    known = calm(served=2, prospects={(1, 1, False): Prospect(refuses_served=True)})
    refused = {"refusals": 27, "failure": "alert unknown_ca", "refused_at": NOW, "finished_at": NOW - 28 * DAY}
    (stuck,) = doors_at_risk(known, [well(1, **refused)])
    assert at_the_door(stuck) == (WORDS["stuck"],)  # two risks, one answer
    (healthy,) = doors_at_risk(known, [well(1)])
    assert at_the_door(healthy) == (WORDS["risk.refuses_served"],)


def _door(name: str, place: str, site: str = "main") -> DoorAtRisk:
    return DoorAtRisk(site, name, None, (Risk(NEVER_SEEN, "why", "mend"),), DeviceLabel(name, place))


def _pages(places: list[WalkPlace], most: int) -> list[list[tuple[str, str, bool]]]:
    """For each page: its places, with the names of their doors in one word. A door weighs 1, a heading nothing."""
    pages = walk_pages(places, lambda door: 1, lambda place: 0, most)
    return [[(p.place, "".join(door.label.name for door in p.doors), p.is_continued) for p in page] for page in pages]


def test_doors_are_sorted_by_place_and_those_without_one_come_last() -> None:
    doors = [_door("c", ""), _door("b", "two"), _door("a", "two"), _door("d", "one", "other"), _door("e", "one")]
    found = [(each.site, each.place, [door.identity for door in each.doors]) for each in by_place(doors)]
    assert found == [
        ("main", "one", ["e"]),
        ("main", "two", ["a", "b"]),
        ("main", "", ["c"]),
        ("other", "one", ["d"]),
    ]


def test_a_place_that_fits_on_a_page_stands_on_one() -> None:
    places = by_place([*(_door(each, "one") for each in "ab"), *(_door(each, "two") for each in "cde")])
    assert _pages(places, 4) == [[("one", "ab", False)], [("two", "cde", False)]]
    assert _pages(places, 5) == [[("one", "ab", False), ("two", "cde", False)]]


def test_a_place_with_more_doors_is_continued() -> None:
    places = by_place([*(_door(each, "one") for each in "abcde"), _door("f", "two")])
    assert _pages(places, 2) == [
        [("one", "ab", False)],
        [("one", "cd", True)],
        [("one", "e", True), ("two", "f", False)],
    ]


def test_a_door_that_is_too_large_has_a_page_alone_and_none_is_lost() -> None:
    places = by_place([_door(each, "one") for each in "abc"])
    assert _pages(places, 0) == [[("one", "a", False)], [("one", "b", True)], [("one", "c", True)]]
    assert walk_pages([], lambda door: 1, lambda place: 0, 4) == []
