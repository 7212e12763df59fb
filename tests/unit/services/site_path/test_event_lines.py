"""The lines of the ingress's spool: whatever was put in comes out, and nothing else passes for an event."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engage_server.records import PathEvent, PathSays
from engage_server.services.site_path.event_lines import MAX_DETAIL_CHARACTERS, MAX_LINE_BYTES, event_of, line_of
from tests.support.chains import NOW
from tests.support.path_events import path_event

TEXTS = st.text(max_size=2000)


@given(TEXTS, TEXTS, st.sampled_from(PathSays), st.dictionaries(TEXTS, TEXTS, max_size=50), st.text(max_size=64))
def test_any_text_makes_one_line_that_can_be_read(
    link: str, kind: str, says: PathSays, detail: dict[str, str], key: str
) -> None:
    line = line_of(PathEvent("main", link, NOW, kind, says, detail, key))
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert len(line) <= 8 * MAX_LINE_BYTES
    event = event_of(line)
    assert event is not None
    assert (event.site, event.at, event.says) == ("main", NOW, says)
    assert event.link == link.replace("\0", "").encode("utf-8", "replace").decode()[:64]
    assert "\0" not in str(event)


def test_an_ordinary_event_comes_back_as_it_was() -> None:
    event = path_event(PathSays.CUT, 3, key="a" * 64, size="12", type="application/json")
    assert event_of(line_of(event)) == event


def test_what_is_too_long_is_cut_but_never_a_key() -> None:
    event = event_of(line_of(path_event(long="x" * 5000)))
    assert event is not None
    assert len(event.detail["long"]) == MAX_DETAIL_CHARACTERS
    with pytest.raises(ValueError, match="use a digest"):
        line_of(path_event(key="k" * 65))


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        line_of(PathEvent("main", "sim", datetime(2026, 1, 1), "x", PathSays.WORKS))  # noqa: DTZ001  # that is the fault


WHOLE = line_of(path_event(key="k"))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"null",
        WHOLE[:-10],
        WHOLE.replace(b'"works"', b'"perhaps"'),
        WHOLE.replace(b"+00:00", b""),
        WHOLE.replace(b'"detail":{}', b'"detail":[]'),
        WHOLE.replace(b'"main"', b"7"),
        WHOLE.replace(b'"main"', b'"' + b"m" * 65 + b'"'),
        b"[" * 5000,
        b"\xff\xfe",
    ],
)
def test_what_is_no_event_is_left_out(line: bytes) -> None:
    assert event_of(line) is None
    assert event_of(WHOLE) is not None
