"""Pictures: well-formed, escaped, within their view box, and with the figures of the table beneath."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engage_server.services.risk.door_nights import DoorNight, NightMark
from engage_server.services.rotation.adoption_nights import AdoptionByNight, Night
from engage_server.web.console.pictures import adoption_by_night, chain_bytes, strip, time_line
from engage_server.web.console.pictures.drawing import Drawing, Picture
from tests.support.checkout import ROOT

NOW = datetime(2026, 11, 26, 20, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"
EVIL = [
    "<script>alert(1)</script>",
    '" onload="x',
    "]]>&amp;",
    "\x00\x1b[31m\n",
    "\u202eabc",
    "\ud800",
    "=cmd|' /C calc'!A0",
]

words = st.one_of(st.sampled_from(EVIL), st.text(max_size=40))
chains = st.builds(
    chain_bytes.ChainBytes,
    st.lists(
        st.builds(
            chain_bytes.Part, st.sampled_from(["root", "intermediate", "server", "link"]), words, st.integers(0, 3000)
        ),
        max_size=6,
    ).map(tuple),
    st.just(4096),
    st.none() | st.integers(0, 1500),
)
days = st.integers(0, 60).map(lambda number: date(2026, 11, 1) + timedelta(days=number))
adoptions = st.builds(
    AdoptionByNight,
    st.integers(1, 99),
    st.integers(0, 5000),
    st.lists(st.builds(Night, days, st.integers(0, 6000)), max_size=40).map(tuple),
    st.integers(0, 100),
    st.integers(0, 100),
    st.booleans(),
    days,
)
times = st.integers(-400, 9000).map(lambda number: NOW + timedelta(days=number, hours=3))
lines = st.builds(
    time_line.TimeLine,
    st.just(NOW),
    st.lists(st.builds(time_line.Ending, words, times, st.none() | times), max_size=6).map(tuple),
)
strips = st.builds(
    strip.Strip,
    words,
    st.lists(st.builds(DoorNight, days, st.sampled_from(NightMark), st.integers(0, 9)), max_size=31).map(tuple),
)
EVERY: dict[str, tuple[st.SearchStrategy[Any], Callable[..., Picture]]] = {
    "chain": (chains, chain_bytes.picture),
    "adoption": (adoptions, adoption_by_night.picture),
    "ends": (lines, time_line.picture),
    "nights": (strips, strip.picture),
}
of_any = st.one_of(*(values.map(lambda each, draw=draw: draw(each)) for values, draw in EVERY.values()))  # type: ignore[misc]


def root_of(picture: Picture) -> Element:
    return fromstring(picture.svg)


def titles(picture: Picture, tag: str) -> list[str]:
    """What the shapes of a kind say of themselves."""
    return [shape.findtext(f"{SVG}title") or "" for shape in root_of(picture).iter(f"{SVG}{tag}")]


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def lengths(picture: Picture, begins: str) -> list[float]:
    return [
        float(each.attrib["width"])
        for each in root_of(picture).iter(f"{SVG}rect")
        if each.attrib["class"].startswith(begins)
    ]


@given(of_any)
def test_every_picture_has_what_a_screen_reader_needs(picture: Picture) -> None:
    root = root_of(picture)
    title, description = root[0], root[1]
    assert (root.tag, root.attrib["role"]) == (f"{SVG}svg", "img")
    assert (title.tag, description.tag) == (f"{SVG}title", f"{SVG}desc")
    assert root.attrib["aria-labelledby"].split() == [title.attrib["id"], description.attrib["id"]]
    assert title.text
    assert description.text
    assert all(len(row) == len(picture.columns) for row in picture.rows)


@given(of_any)
def test_nothing_of_others_is_markup_and_nothing_has_a_colour(picture: Picture) -> None:
    allowed = {"svg", "title", "desc", "rect", "line", "text"}
    for each in root_of(picture).iter():
        assert each.tag.removeprefix(SVG) in allowed
        assert not {name for name in each.attrib if name in ("fill", "stroke", "style") or name.startswith("on")}
    assert "<script" not in picture.svg
    assert "\x1b" not in picture.svg
    assert picture.svg.encode()


@given(of_any)
def test_everything_lies_within_the_view_box(picture: Picture) -> None:
    root = root_of(picture)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for each in root.iter():
        at = {name: float(each.attrib[name]) for name in ("x", "y", "x1", "x2", "y1", "y2") if name in each.attrib}
        right = at.get("x", 0) + float(each.attrib.get("width", 0) if each.tag == f"{SVG}rect" else 0)
        below = at.get("y", 0) + float(each.attrib.get("height", 0) if each.tag == f"{SVG}rect" else 0)
        assert all(value >= -0.01 for value in at.values()), each.attrib
        assert max(right, at.get("x1", 0), at.get("x2", 0)) <= width + 0.05, each.attrib
        assert max(below, at.get("y1", 0), at.get("y2", 0)) <= height + 0.05, each.attrib


@given(chains)
def test_the_bytes_of_picture_and_table_are_equal(values: chain_bytes.ChainBytes) -> None:
    picture = chain_bytes.picture(values)
    drawn, scale = lengths(picture, "part"), 620 / max(4096, values.total + (values.link_size or 0))
    count = len(values.parts)
    later = [] if values.link_size is None else [_number(picture.rows[-1][2])]
    assert drawn == pytest.approx(
        [_number(row[2]) * scale for row in picture.rows[:count]] + [*(size * scale for size in later)], abs=0.01
    )
    assert titles(picture, "rect")[:count] == [f"{row[0]}: {row[2]} bytes" for row in picture.rows[: len(values.parts)]]
    figures = {row[0]: row[2] for row in picture.rows}
    left = 4096 - values.total
    assert figures.get("left") == (f"{left:,}" if left >= 0 else None)
    assert figures.get("too many") == (f"{-left:,}" if left < 0 else None)


@given(adoptions)
def test_the_nights_of_picture_and_table_are_equal(values: AdoptionByNight) -> None:
    picture = adoption_by_night.picture(values)
    nights = picture.rows[: len(values.shown)]
    assert titles(picture, "rect") == [f"{night}: {came} of {of} doors" for night, came, of, _ in nights]
    if values.is_judged:
        assert str(values.enough) in titles(picture, "line")[0]
        assert picture.rows[-2][1] == str(values.enough)
    else:
        assert titles(picture, "line") == []
        assert len(picture.rows) == len(values.shown)


@given(lines)
def test_the_ends_of_picture_and_table_are_equal(values: time_line.TimeLine) -> None:
    picture = time_line.picture(values)
    for row, said in zip(picture.rows, titles(picture, "rect"), strict=True):
        assert said.endswith(f"{row[2]}, {row[1]} days left")
    marks = [said for said in titles(picture, "line") if "last safe day" in said]
    assert [said.rpartition(" ")[2] for said in marks] == [row[3] for row in picture.rows if row[3]]


@given(strips)
def test_the_squares_of_picture_and_table_are_equal(values: strip.Strip) -> None:
    picture = strip.picture(values)
    assert titles(picture, "rect") == [f"{night}: {what}" for night, what, _ in picture.rows]


def test_two_pictures_of_a_page_have_ids_of_their_own() -> None:
    night = DoorNight(date(2026, 11, 1), NightMark.CAME, 2)
    first, second = (strip.picture(strip.Strip("Door", (night,)), f"strip-{n}") for n in (1, 2))
    assert not set(re.findall(r'id="(\S+)"', first.svg)) & set(re.findall(r'id="(\S+)"', second.svg))


def test_limits_that_lie_close_are_drawn_beside_each_other() -> None:
    """One on the other, nobody could tell them apart. Limits far apart have the whole length."""
    nights = (Night(date(2026, 11, 1), 190),)
    for lost, ends in ((3, [340.0, 630.0]), (100, [630.0, 630.0])):
        svg = adoption_by_night.picture(AdoptionByNight(4, 193, nights, 2, lost, True, date(2026, 11, 1)))
        drawn = [each for each in root_of(svg).iter(f"{SVG}line") if len(each)]
        assert [float(each.attrib["x2"]) for each in drawn] == ends
        assert ("left half" in svg.svg) == (lost == 3)


def test_the_box_of_a_later_link_says_what_it_is() -> None:
    values = chain_bytes.ChainBytes((chain_bytes.Part("server", "a", 1234),), 4096, 900)
    svg = chain_bytes.picture(values).svg
    assert ">a later link<" in svg
    assert ">2,862 bytes are left<" in svg
    assert ">Dashed: a later link takes 900 bytes.<" in svg
    assert ">a later link<" not in chain_bytes.picture(chain_bytes.ChainBytes(values.parts, 4096, None)).svg


def test_a_chain_that_does_not_fit_is_said(tmp_path: Path) -> None:
    values = chain_bytes.ChainBytes((chain_bytes.Part("server", "a", 5000),), 4096, 900)
    assert "904 bytes too many" in chain_bytes.picture(values).svg
    assert "904" not in chain_bytes.picture(chain_bytes.ChainBytes((), 4096, 900)).svg


def test_a_last_safe_day_that_has_passed_is_another_class() -> None:
    ends = NOW + timedelta(days=90)
    for last, kind in ((NOW + timedelta(days=9), "fine"), (NOW - timedelta(days=1), "late")):
        picture = time_line.picture(time_line.TimeLine(NOW, (time_line.Ending("server", ends, last),)))
        assert f'class="bar bar-{kind}"' in picture.svg


def test_a_last_safe_day_after_the_last_end_stays_in_the_picture() -> None:
    last = NOW + timedelta(days=900)
    values = time_line.TimeLine(NOW, (time_line.Ending("server", NOW + timedelta(days=9), last),))
    drawn = root_of(time_line.picture(values)).iter(f"{SVG}line")
    (mark,) = (each for each in drawn if each.attrib["class"] == "last-safe")
    assert float(mark.attrib["x1"]) <= 640


def test_a_drawing_escapes_its_names() -> None:
    drawing = Drawing("x", (10, 10), EVIL[0], EVIL[3])
    assert "&lt;script&gt;" in drawing.picture((), ()).svg


def test_no_picture_reads_a_clock() -> None:
    folder = ROOT / "engage_server" / "web" / "console" / "pictures"
    assert not [
        path.name for path in folder.glob("*.py") if re.search(r"\.now\(|import (time|flask)", path.read_text())
    ]
