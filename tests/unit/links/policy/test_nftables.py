"""The file for nftables as text. That the kernel does with it what it should: see tests/end_to_end."""

from ipaddress import ip_network

import pytest

from engage_server.errors import UsageError
from engage_server.links.policy.nftables import Doors, nftables_text
from tests.support.policies import needed


def test_only_the_table_of_the_site_is_touched() -> None:
    text = nftables_text(needed("10.0.0.1"), Doors(), "engage link policy")
    commands = [line for line in text.splitlines() if line and not line.startswith(("#", " ", "}"))]
    assert commands == ["table inet engage_depot {", "flush table inet engage_depot", "table inet engage_depot {"]


def test_overlapping_networks_become_one() -> None:
    doors = Doors(networks=[ip_network("10.0.0.0/8"), ip_network("10.1.0.0/16"), ip_network("fd00::/8")])
    text = nftables_text(needed("10.0.0.1"), doors, "engage link policy")
    assert "ip saddr { 10.0.0.0/8 } jump from_doors" in text
    assert "ip6 daddr { fd00::/8 } jump to_doors" in text
    assert "passes untouched, too" not in text


def test_a_version_of_which_no_network_is_named_is_told() -> None:
    text = nftables_text(needed("10.0.0.1"), Doors(networks=[ip_network("10.0.0.0/8")]), "engage")
    assert "No IPv6 network of doors is named" in text


@pytest.mark.parametrize("name", ["br doors", 'br"; drop', "a" * 16, "br\n"])
def test_a_name_that_is_no_interface_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="no name of an interface"):
        Doors(interface=name)


def test_comments_stay_comments() -> None:
    text = nftables_text(needed("10.0.0.1"), Doors(), "engage --config 'a b\ndrop'")
    outside = [line for line in text.splitlines() if not line.startswith((" ", "}", "#", "table", "flush")) and line]
    assert outside == []
