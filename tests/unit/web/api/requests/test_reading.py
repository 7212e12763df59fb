"""What a request holds is read strictly: nothing is converted, guessed or ignored, and nothing makes a defect."""

import json
from datetime import date
from typing import Annotated, Any

import pytest
from flask import Request
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, SecretStr
from werkzeug.test import EnvironBuilder

from engage_server.errors import BodyInvalid, EngageError, UsageError
from engage_server.web.api.paging import PageQuery
from engage_server.web.api.requests import reading
from engage_server.web.api.requests.reading import FieldsInvalid, MediaTypeRefused
from engage_server.web.api.route import Body, NoQuery


class Inner(Body):
    """A part."""

    day: date | None = None


class Shape(Body):
    """One field of each kind."""

    text: Annotated[str, Field(max_length=8)]
    number: int = 0
    truth: bool = False
    names: list[str] = []
    table: dict[str, Inner] = {}
    secret: SecretStr | None = None


def request(body: bytes = b"", kind: str = "application/json", query: str = "", **fields: str) -> Request:
    named = [(name.replace("_", "-"), value) for name, value in fields.items()]
    builder = EnvironBuilder(method="POST", data=body, content_type=kind, query_string=query, headers=named)
    return Request(builder.get_environ())


def faults_of(body: Any) -> dict[str, str]:
    """What is wrong, by pointer."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(FieldsInvalid) as refused:
        reading.read_fields(content, Shape)
    assert refused.value.code == "request.invalid"
    return dict(refused.value.faults)


class TestBodies:
    def test_the_control(self) -> None:
        sent = {"text": "a", "number": 2, "truth": True, "names": ["x"], "table": {"y": {"day": "2026-11-26"}}}
        read = reading.read_fields(json.dumps(sent).encode(), Shape)
        assert read == Shape(text="a", number=2, truth=True, names=["x"], table={"y": Inner(day=date(2026, 11, 26))})
        assert reading.read_fields(b'\xef\xbb\xbf{"text": "a"}', Shape) == Shape(text="a")

    @pytest.mark.parametrize(
        ("body", "pointer", "sentence"),
        [
            ({}, "/text", "is missing"),
            ({"text": 1}, "/text", "must be a text"),
            ({"text": None}, "/text", "must be a text"),
            ({"text": "a", "secret": None}, "/secret", "must not be null: leave it out instead"),
            ({"text": "a", "table": {"y": {"day": None}}}, "/table/y/day", "must not be null: leave it out instead"),
            ({"text": "a", "number": "1"}, "/number", "must be a whole number"),
            ({"text": "a", "number": 1.5}, "/number", "must be a whole number"),
            ({"text": "a", "number": True}, "/number", "must be a whole number"),
            ({"text": "a", "truth": "true"}, "/truth", "must be true or false"),
            ({"text": "a", "truth": 1}, "/truth", "must be true or false"),
            ({"text": "a", "names": "x"}, "/names", "must be a list"),
            ({"text": "a", "names": [1]}, "/names/0", "must be a text"),
            ({"text": "a", "more": 1}, "/more", "is not known here"),
            ({"text": "a", "a/b~c": 1}, "/a~1b~0c", "is not known here"),
            ({"text": "a", "table": {"x/y": {"z": 1}}}, "/table/x~1y/z", "is not known here"),
            ({"text": "a", "table": []}, "/table", "must be an object"),
            ([], "", "must be an object"),
            ("text", "", "must be an object"),
            (None, "", "must be an object"),
        ],
    )
    def test_a_field_that_is_not_accepted_is_named(self, body: Any, pointer: str, sentence: str) -> None:
        assert faults_of(body) == {pointer: sentence}

    def test_all_faults_are_told_at_once_but_no_endless_list(self) -> None:
        assert set(faults_of({"number": "x", "truth": 0})) == {"/text", "/number", "/truth"}
        assert len(faults_of({f"field{number}": 1 for number in range(100)})) == 20

    def test_no_fault_repeats_what_was_sent(self) -> None:
        for body in ({"text": "hush" * 9}, {"text": "a", "secret": ["hush"]}, {"text": "a", "number": "hush"}):
            assert "hush" not in repr(faults_of(body))
        read = reading.read_fields(b'{"text": "a", "secret": "hush"}', Shape)
        assert "hush" not in f"{read} {read!r}"

    @pytest.mark.parametrize(
        "body",
        [
            b"{",
            b"text=a",
            b'{"text": "a", "text": "b"}',
            b'{"text": "a", "number": NaN}',
            b'{"text": "a", "number": Infinity}',
            b'{"text": "a", "number": 1e999}',
            b'{"text": "\\ud800"}',
            b'{"text": "\xff"}',
            '{"text": "a"}'.encode("utf-16"),
            b"[" * 64 + b"]" * 64,
            b"[" * 100_000,
            b'{"text": "a",}',
            b'{"text": "a"} {}',
            b"\xef\xbb\xbf",
        ],
    )
    def test_what_is_not_json(self, body: bytes) -> None:
        with pytest.raises(BodyInvalid) as refused:
            reading.read_fields(body, Shape)
        assert refused.value.code == "body.invalid"

    @given(st.binary(max_size=200))
    def test_no_bytes_make_a_defect(self, body: bytes) -> None:
        with pytest.raises(EngageError):
            reading.read_fields(body, Shape)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
            lambda each: (
                st.lists(each)
                | st.dictionaries(st.sampled_from(["text", "number", "names", "table"]) | st.text(), each)
            ),
            max_leaves=12,
        )
    )
    def test_no_value_makes_a_defect(self, value: Any) -> None:
        try:
            read = reading.read_fields(json.dumps(value).encode(), Shape)
        except EngageError as refused:
            assert refused.code in ("request.invalid", "body.invalid")
            refused.sentence.encode()
        else:
            assert isinstance(value, dict)
            assert value == {**value, **{name: getattr(read, name) for name in ("text", "number") if name in value}}

    @pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
    def test_another_type_is_not_read(self, kind: str) -> None:
        with pytest.raises(MediaTypeRefused) as refused:
            reading.read_raw(request(b"{}", kind), 9)
        assert refused.value.code == "request.media_type"

    def test_a_coding_is_not_read(self) -> None:
        with pytest.raises(MediaTypeRefused):
            reading.read_raw(request(b"{}", Content_Encoding="gzip"), 9)
        assert reading.read_raw(request(b"{}", Content_Encoding="identity"), 9) == b"{}"

    def test_the_parameters_of_the_type_do_not_matter(self) -> None:
        assert reading.read_raw(request(b"{}", "application/json; charset=utf-8"), 9) == b"{}"

    def test_none_and_too_much(self) -> None:
        with pytest.raises(BodyInvalid) as empty:
            reading.read_raw(request(b""), 9)
        assert empty.value.code == "request.json"
        assert reading.read_raw(request(b"1234"), 4) == b"1234"
        with pytest.raises(BodyInvalid) as long:
            reading.read_raw(request(b"12345"), 4)
        assert long.value.code == "request.too_large"

    def test_where_none_is_read_none_may_come(self) -> None:
        for nothing in (b"", b"{}", b" \n"):
            reading.assert_empty(request(nothing))
        with pytest.raises(UsageError) as refused:
            reading.assert_empty(request(b'{"reason": "x"}'))
        assert refused.value.code == "request.body"


class TestQueries:
    def test_the_control(self) -> None:
        read = reading.read_query(request(query="limit=7&cursor=a%20b"), PageQuery)
        assert (read.limit, read.cursor) == (7, "a b")
        assert reading.read_query(request(), PageQuery) == PageQuery(limit=100, cursor=None)

    @pytest.mark.parametrize(
        ("query", "name"),
        [
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=+7", "limit"),
            ("limit=%2B7", "limit"),
            ("limit=7.0", "limit"),
            ("limit=1_0", "limit"),
            ("limit=%207", "limit"),
            ("limit=%D9%A7", "limit"),
            ("limit=", "limit"),
            ("limit", "limit"),
            ("cursor=", "cursor"),
            ("cursor=" + "a" * 1025, "cursor"),
            ("more=1", "more"),
            ("=1", ""),
        ],
    )
    def test_a_parameter_that_is_not_accepted_is_named(self, query: str, name: str) -> None:
        with pytest.raises(FieldsInvalid) as refused:
            reading.read_query(request(query=query), PageQuery)
        assert refused.value.code == "request.parameters"
        assert [fault[0] for fault in refused.value.faults] == [name]

    def test_one_that_comes_twice(self) -> None:
        with pytest.raises(UsageError) as refused:
            reading.read_query(request(query="limit=7&limit=7"), PageQuery)
        assert refused.value.code == "request.twice"

    def test_a_route_without_parameters_has_none(self) -> None:
        assert reading.read_query(request(), NoQuery) == NoQuery()
        with pytest.raises(FieldsInvalid):
            reading.read_query(request(query="reason=x"), NoQuery)

    @given(st.text(st.characters(max_codepoint=127, exclude_characters="\r\n\0"), max_size=60))
    def test_no_query_makes_a_defect(self, query: str) -> None:
        try:
            reading.read_query(request(query=query), PageQuery)
        except EngageError as refused:
            assert refused.code in ("request.parameters", "request.twice")
