"""Only the names that Talk2M sends count, and each of them once."""

import pytest

from engage_server.links.m2u.identity import NAMES, Identity, IdentityRefused, read_identity
from tests.support.m2u import GENUINE


def test_the_three_fields_are_read() -> None:
    assert read_identity([("host", "x"), *GENUINE]) == Identity("acme", "ewon-1", "1532-0017-21")


def test_a_hidden_identity_is_empty() -> None:
    assert read_identity([(name, "") for name in NAMES]).is_hidden


def test_the_serial_number_alone_may_be_missing() -> None:
    assert read_identity([*GENUINE[:2], (NAMES[2], "")]) == Identity("acme", "ewon-1", "")


@pytest.mark.parametrize("name", NAMES)
def test_each_look_alike_is_refused_beside_the_genuine_ones_and_instead(name: str) -> None:
    parts = name.split("_")
    look_alikes = {f"{parts[0]}{one}{parts[1]}{other}{parts[2]}" for one in "_-" for other in "_-"} - {name}
    assert len(look_alikes) == 3
    for look_alike in look_alikes:
        with pytest.raises(IdentityRefused, match="only looks like"):
            read_identity([*GENUINE, (look_alike, "forged")])
        with pytest.raises(IdentityRefused, match="only looks like"):
            read_identity([(look_alike if each == name else each, value) for each, value in GENUINE])


@pytest.mark.parametrize("name", NAMES)
def test_each_field_stands_there_once(name: str) -> None:
    with pytest.raises(IdentityRefused, match=f"{name} stands there 2 times"):
        read_identity([*GENUINE, (name, dict(GENUINE)[name])])
    with pytest.raises(IdentityRefused, match=f"{name} is missing"):
        read_identity([each for each in GENUINE if each[0] != name])


@pytest.mark.parametrize("value", ["a" * 129, "a\x7f", "a\x01b", "a\tb"])
def test_a_value_that_is_no_name_is_refused(value: str) -> None:
    with pytest.raises(IdentityRefused, match="cannot be a name"):
        read_identity([(NAMES[0], value), *GENUINE[1:]])


@pytest.mark.parametrize("missing", [0, 1])
def test_half_an_identity_is_refused(missing: int) -> None:
    fields = [(name, "" if number == missing else value) for number, (name, value) in enumerate(GENUINE)]
    with pytest.raises(IdentityRefused, match="incomplete"):
        read_identity(fields)


def test_utf_8_is_read_as_utf_8_and_latin_1_as_latin_1() -> None:
    sent = "Köln".encode().decode("latin-1")
    assert read_identity([(NAMES[0], sent), *GENUINE[1:]]).account == "Köln"
    assert read_identity([(NAMES[0], "K\xf6ln"), *GENUINE[1:]]).account == "Köln"
