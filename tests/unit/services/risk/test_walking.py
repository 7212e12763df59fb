"""What stands on paper for somebody who walks to a door."""

import pytest

from engage_server.services.risk.doors import doors_at_risk
from engage_server.services.risk.kinds import KINDS, OF_DIAGNOSIS
from engage_server.services.risk.known import Prospect
from engage_server.services.risk.walking import WORDS, at_the_door
from tests.support.chains import NOW
from tests.support.risks import DAY, calm, well


def test_every_risk_of_a_door_has_its_words() -> None:
    diagnosed = set(OF_DIAGNOSIS.values())
    own = {kind.code for kind in KINDS if not kind.of_site and kind not in diagnosed}
    assert own | set(OF_DIAGNOSIS) | {"stuck", "host"} == set(WORDS)


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
