"""Names of fields that mean a secret are found in any spelling, and others are shown."""

import json

import pytest

from engage_server.links.sim.contract.answers import entry
from engage_server.links.sim.secret_names import is_secret

_ONE = "ki opc pin puk adm psk secret password passphrase token kic credentials"
_SEVERAL = "pin code,puk code,auth key,api key,pre shared key,shared secret,private key,access token,encryption key"
WORDS = _ONE.split() + _SEVERAL.split(",")
_OTHERS = (
    "id iccid imsi imei msisdn name state network apn direction port protocol destination peer operator option opcode "
    "publicKey keyId primary_key kind kitchen shipping pinned_at topic marks skill risk spinning"
)
OTHERS = _OTHERS.split()
CANARY = "canary-4711"


def spelled(words: str) -> list[str]:
    """A name in all the ways in which contracts write names."""
    parts = words.split()
    camel = parts[0] + "".join(each.title() for each in parts[1:])
    lower = ["_".join(parts), "-".join(parts), "".join(parts), " ".join(parts), ".".join(parts)]
    return [camel, camel[:1].upper() + camel[1:], *lower, *(each.upper() for each in lower), f"x_{'_'.join(parts)}"]


@pytest.mark.parametrize("words", WORDS)
def test_a_secret_is_hidden_in_any_spelling_and_at_any_depth(words: str) -> None:
    for name in spelled(words):
        assert is_secret(name), name
        for content in (
            {name: CANARY, "id": "kept"},
            {"sim": [{"profile": {name: CANARY}}], "id": "kept"},
            {name: {"value": CANARY}, "id": "kept"},
            {name: [CANARY], "id": "kept"},
            {name: 4711, "id": "kept"},
            {"settings": [{"name": name, "value": CANARY}], "id": "kept"},
        ):
            shown = json.dumps(entry(content))
            assert "4711" not in shown, content
            assert "kept" in shown


@pytest.mark.parametrize("number", [1, 2])
def test_so_are_numbered_codes(number: int) -> None:
    for name in ("pin", "PIN", "puk", "PUK", "adm"):
        assert is_secret(f"{name}{number}")
        assert is_secret(f"{name}_{number}")


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_none_is_shown(name: str) -> None:
    assert not is_secret(name)
    assert entry({name: "shown"}) == {name: "shown"}


def test_what_was_sent_is_hidden_whatever_the_field_is_called() -> None:
    content = {"note": f"you sent {CANARY}", "deep": [{"x": CANARY}], "id": "kept"}
    assert entry(content, [CANARY]) == {"note": "***", "deep": [{"x": "***"}], "id": "kept"}
    assert entry(content, []) == content
    assert entry({"note": "abc"}, ["b"]) == {"note": "abc"}, "too short to be told from other text"
