"""The pictures of the documentation: what lies there is what is drawn, and it can be read in both surroundings."""

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engage_server.pki.byte_budget import measure
from engage_server.pki.encodings import der
from engage_server.pki.issuing.authority import ChainPlan, build_chain
from engage_server.records import Host
from tests.project.pictures.album import FOLDER, album
from tests.project.pictures.chain_bytes import shares
from tests.project.pictures.drawing import Picture, colour_pairs
from tests.support.chains import good_chain

_ENOUGH_CONTRAST = 4.5  # WCAG 2.2, 1.4.3, for words of usual size
_ROOT = FOLDER.parents[1]
_SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def drawn() -> dict[str, str]:
    return album()


def test_the_pictures_are_up_to_date(drawn: dict[str, str]) -> None:
    """No picture depends on the keys, which are others each time."""
    assert {path.name for path in FOLDER.iterdir()} == set(drawn)
    for name, content in drawn.items():
        assert (FOLDER / name).read_text(encoding="utf-8") == content, f"{name} is stale: run scripts/pictures"


def test_each_picture_says_in_words_what_it_shows(drawn: dict[str, str]) -> None:
    for name, content in drawn.items():
        root = ET.fromstring(content)
        named = root.attrib["aria-labelledby"].split()
        texts = {
            each.attrib.get("id"): each.text for each in root.iter() if each.tag in {f"{_SVG}title", f"{_SVG}desc"}
        }
        assert root.attrib["role"] == "img", name
        assert [bool(texts[each]) for each in named] == [True, True], name


def test_no_picture_needs_anything_from_elsewhere(drawn: dict[str, str]) -> None:
    for content in drawn.values():
        assert not re.search(r"(?:href|src|@import|url\()", content)


def test_every_picture_stands_in_a_page_that_describes_it() -> None:
    pages = [*(_ROOT / "docs").rglob("*.md"), _ROOT / "README.md"]
    shown = [each for page in pages for each in re.findall(r"!\[([^]]*)\]\(([^)]*\.svg)\)", page.read_text())]
    assert {Path(target).name for _, target in shown} == {path.name for path in FOLDER.iterdir()}
    assert [target for words, target in shown if len(words) < 20] == []


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """As WCAG counts it: 1 for equal colours, 21 for black on white."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("name", colour_pairs())
def test_words_stand_out_from_their_ground(name: str) -> None:
    words, ground = colour_pairs()[name]
    assert min(contrast(*pair) for pair in zip(words, ground, strict=True)) >= _ENOUGH_CONTRAST


def test_contrast_is_counted_as_wcag_does() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)  # the well-known grey that just fails


def test_words_that_would_run_out_of_a_picture_are_refused() -> None:
    picture = Picture("narrow", (100, 40), "Narrow", "Nothing.")
    picture.words(10, 20, "short")
    with pytest.raises(ValueError, match="does not fit into narrow"):
        picture.words(10, 20, "far too long for a picture of this size")


def test_a_certificates_shares_are_all_of_it() -> None:
    chain = good_chain().chain
    for certificate in (chain.root, *chain.intermediates, chain.server):
        assert sum(share.der_bytes for share in shares(certificate)) == len(der(certificate))
        assert all(share.der_bytes > 0 for share in shares(certificate))


def test_the_page_about_4096_bytes_has_the_builders_numbers() -> None:
    page = (_ROOT / "docs" / "why-4096.md").read_text()
    now, host = datetime(2026, 11, 26, tzinfo=UTC), (Host("locks.example.org"),)
    plain, named, longer = (
        measure(build_chain(plan, now).chain).total
        for plan in (
            ChainPlan(host, label="2026"),
            ChainPlan(host, label="2026", organization="Example University Hospital"),
            ChainPlan(host, label="2026+"),  # both CAs' names: a letter more
        )
    )
    parts = {share.part: share.der_bytes for share in shares(good_chain().chain.root)}
    assert f"takes {plain} of 4096 bytes" in page
    assert f"`O=Example University Hospital` takes {named - plain} bytes" in page
    assert f"{parts['key']} and {parts['signature']} bytes with RSA-2048" in page
    assert f"take {parts['key'] + parts['signature']} bytes of each certificate" in page
    assert longer - plain == 3 + 2, "the root's name three times, the intermediate's twice"
