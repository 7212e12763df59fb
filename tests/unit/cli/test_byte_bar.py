"""The byte budget as a table."""

import pytest

from engage_server.cli.byte_bar import print_budget
from engage_server.pki.byte_budget import measure
from tests.support.chains import good_chain

_WORDS = ("if", "a", "device", "counts", "PEM,", "not", "DER")


def test_the_sum_as_pem_has_its_own_row(capsys: pytest.CaptureFixture[str]) -> None:
    budget = measure(good_chain().chain)
    print_budget(budget)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["left", str(budget.left)] in rows, "nothing beside it that could be read as a part of it"
    assert ["sum", "as", "PEM", str(budget.pem_bytes), *_WORDS] in rows
