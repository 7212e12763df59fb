"""The numbers of a SIM."""

from collections.abc import Callable

import pytest

from engage_server.errors import UsageError
from engage_server.links.kpn.sim_numbers import read_iccid, read_msisdn, read_rate_plan


@pytest.mark.parametrize(
    ("read", "right", "wrong"),
    [
        (
            read_iccid,
            ["", "8931440400000000001", "89314404000000000012", "8931440400000000001F"],
            ["123", "89" * 12, "x"],
        ),
        (read_msisdn, ["", "+31970012345678", "0612345678"], ["06-12345678", "12345", "+", "1" * 16]),
        (read_rate_plan, ["", "M2M 10 MB"], ["x" * 101, "a\nb"]),
    ],
)
def test_they_are_read_as_given(read: Callable[[str], str], right: list[str], wrong: list[str]) -> None:
    assert [read(text) for text in right] == right
    for text in wrong:
        with pytest.raises(UsageError):
            read(text)
