"""What a live host sends is counted whole: the root that it does not send, and whatever it does."""

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from engage_server.checks import Circumstances
from engage_server.records import Host
from engage_server.services.chains.checking import Checker
from tests.support.chains import NOW
from tests.support.defects import DEFECTS, right_plan
from tests.support.hosts import serving, tls_context
from tests.support.served import HOST, parts_of


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("right_and_sent", ["root", "intermediate", "server"]),
        ("root_sent", ["root", "intermediate", "server"]),
        ("stranger_sent_last", ["root", "intermediate", "server", "other"]),
        ("renewed_and_both_are_valid", ["root", "intermediate", "server", "other"]),
        ("second_root_sent", ["root", "root", "link", "intermediate", "server"]),
        ("sent_twice", ["root", "intermediate", "server", "intermediate"]),
    ],
)
def test_everything_that_is_sent_counts(name: str, roles: list[str]) -> None:
    plan = right_plan()
    DEFECTS[name][0](plan)
    sent, key, root = parts_of(plan)
    checker = Checker(Circumstances(NOW, (Host(HOST),), anchor_certificate=root))
    with serving(lambda _: lambda _: b"", tls_context(sent, key)) as host:
        (result,) = checker.results(f"https://{HOST}:{host.port}")
    expected = len(root.public_bytes(Encoding.DER)) + sum(
        len(each.public_bytes(Encoding.DER)) for each in sent if each != root
    )
    assert [each.role for each in result.certificates] == roles
    assert result.total == expected
