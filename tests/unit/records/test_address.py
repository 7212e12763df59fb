"""Each caller's address has one spelling."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engage_server.records import Host, folded, read_address, read_network


@pytest.mark.parametrize(
    ("address", "spelling"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:0:192.0.2.1", "::ffff:0:192.0.2.1"),  # RFC 2765: another kind of address
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("", ""),
    ],
)
def test_a_sockets_address(address: str, spelling: str) -> None:
    assert folded(address) == spelling


@given(st.ip_addresses(v=4))
def test_both_spellings_are_one(address: ipaddress.IPv4Address) -> None:
    mapped = f"::ffff:{address}"
    assert folded(mapped) == folded(str(address)) == str(address)
    assert read_address(mapped) == read_address(str(address)) == address
    assert read_network(f"{mapped}/128") == read_network(f"{address}/32")
    assert Host.parse(mapped) == Host.parse(str(address))


@given(st.ip_addresses(v=6))
def test_ipv6_stays_ipv6(address: ipaddress.IPv6Address) -> None:
    if address.ipv4_mapped is None:
        assert read_address(str(address)) == address
        assert read_network(str(address)) == ipaddress.ip_network(address)


@pytest.mark.parametrize(
    ("text", "network"),
    [("::ffff:10.0.0.0/104", "10.0.0.0/8"), ("::ffff:0:0/96", "0.0.0.0/0"), ("::/0", "::/0"), ("fd00::/8", "fd00::/8")],
)
def test_networks(text: str, network: str) -> None:
    assert str(read_network(text)) == network


def test_what_is_none() -> None:
    assert read_address("unknown") is None
    with pytest.raises(ValueError, match="host bits set"):
        read_network("::ffff:10.0.0.1/104")
