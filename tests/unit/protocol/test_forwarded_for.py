"""What proxies write of whom they call for."""

import pytest

from engage_server.protocol.forwarded_for import hops_of


@pytest.mark.parametrize(
    ("value", "hops"),
    [
        ("192.0.2.1", ["192.0.2.1"]),
        ("192.0.2.1:5678", ["192.0.2.1"]),
        ("[2001:DB8::1]:443", ["2001:db8::1"]),
        ("[2001:db8::1]", ["2001:db8::1"]),
        ("2001:db8:0::1", ["2001:db8::1"]),
        ("::ffff:192.0.2.1", ["192.0.2.1"]),
        ("[::ffff:192.0.2.1]:9", ["192.0.2.1"]),
        ('"192.0.2.1"', ["192.0.2.1"]),
        ("192.0.2.1:1, 192.0.2.2 ,192.0.2.3:3", ["192.0.2.3", "192.0.2.2", "192.0.2.1"]),
        (" , ,", []),
        ("", []),
        ("unknown", ["unknown"]),
        ("_hidden:80", ["_hidden:80"]),
        ("999.0.0.1:80", ["999.0.0.1:80"]),
        ("[2001:db8::1", ["2001:db8::1"]),
        ("x" * 100, ["x" * 64]),
    ],
)
def test_hops(value: str, hops: list[str]) -> None:
    assert hops_of(value) == hops
