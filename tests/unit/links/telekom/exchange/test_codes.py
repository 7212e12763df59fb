"""The codes of findings, and the page that lists them."""

import re

from engage_server.links.telekom.exchange.codes import CODES, finding
from engage_server.links.telekom.exchange.sheet import ITEMS, OWN, THEIRS, Giver
from tests.support.checkout import ROOT


def rows(page: str) -> list[tuple[str, ...]]:
    """Code, severity and rule of each row."""
    return re.findall(r"^\| `(telekom\.\w+)` \| (\w+) \| (.+) \|$", page, re.MULTILINE)


def test_the_page_lists_every_code_as_it_is() -> None:
    page = (ROOT / "docs" / "telekom.md").read_text(encoding="utf-8")
    assert rows(page) == [(each.code, each.severity.value, each.rule) for each in CODES.values()]


def test_a_row_is_read() -> None:
    assert rows("| `telekom.x` | error | A rule. |\n| `key.x` | error | No. |\n") == [("telekom.x", "error", "A rule.")]


def test_a_finding_has_what_its_code_says() -> None:
    found = finding("former", "it is old", "1 x.pem")
    code = CODES["telekom.former"]
    assert (found.severity, found.code, found.source, found.mend) == (code.severity, code.code, code.source, code.fix)
    assert finding("former", "it is old", fix="Remove it.").mend == "Remove it."


def test_the_sheet_is_that_of_the_document() -> None:
    assert "".join(ITEMS) == "123456789ABCDEFGHJK"
    assert "".join(sign for sign, item in ITEMS.items() if item.giver is Giver.YOU) == "123456789"
    in_test = "".join(sign for sign, item in ITEMS.items() if item.environment == "ta")
    in_production = "".join(sign for sign, item in ITEMS.items() if item.environment == "pe")
    assert (in_test, in_production) == ("1256ABEFJ", "34789CDGH")
    assert [ITEMS[sign].key for sign in OWN + THEIRS] == [
        *("sign_certificate_file", "ssl_certificate_file", "sign_certificate_file", "ssl_certificate_file"),
        *("telekom_ssl_certificate_file", "telekom_sign_certificate_file"),
        *("telekom_ssl_certificate_file", "telekom_sign_certificate_file"),
    ]
