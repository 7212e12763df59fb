"""ETags: which changes go on, and which are refused."""

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from engage_server.errors import EngageError
from engage_server.web.api.requests import conditions


def request(**fields: str) -> Request:
    named = [(name.replace("_", "-"), value) for name, value in fields.items()]
    return Request(EnvironBuilder(headers=named).get_environ())


@pytest.mark.parametrize(
    ("fields", "version", "seen"),
    [
        ({"If_Match": '"12-0123456789abcdef"'}, "12", "12"),
        ({"If_Match": '"12-of-another-day"'}, "12-of-another", "12-of-another"),
        ({"If_Match": '"7-a", "12-b"'}, "12", "12"),
        ({"If_Match": "*"}, "12", None),
        ({"If_Match": " * "}, "0", None),
        ({"If_None_Match": "*"}, "", ""),
        ({"If_Match": '"12-a"', "If_None_Match": "*"}, "12", "12"),
    ],
)
def test_a_change_that_goes_on(fields: dict[str, str], version: str, seen: str | None) -> None:
    assert conditions.seen_version(request(**fields), version) == seen


@pytest.mark.parametrize(
    ("fields", "version", "code"),
    [
        ({}, "12", "precondition.missing"),
        ({}, "", "precondition.missing"),
        ({"If_None_Match": '"12-a"'}, "12", "precondition.missing"),
        ({"If_None_Match": "*"}, "12", "precondition.failed"),
        ({"If_None_Match": "*"}, "0", "precondition.failed"),
        ({"If_Match": "*"}, "", "precondition.failed"),
        ({"If_Match": '"11-a"'}, "12", "precondition.failed"),
        ({"If_Match": '"12"'}, "12", "precondition.failed"),
        ({"If_Match": '"12-"'}, "", "precondition.failed"),
        ({"If_Match": '"-a"'}, "", "precondition.failed"),
        ({"If_Match": 'W/"12-a"'}, "12", "precondition.failed"),  # RFC 9110 section 13.1.1: a weak one never matches
        ({"If_Match": ""}, "12", "precondition.failed"),
        ({"If_Match": "\xe4"}, "12", "precondition.failed"),
        ({"If_Match": '"12-a'}, "13", "precondition.failed"),
    ],
)
def test_a_change_that_is_refused(fields: dict[str, str], version: str, code: str) -> None:
    with pytest.raises(EngageError) as refused:
        conditions.seen_version(request(**fields), version)
    assert refused.value.code == code
    assert refused.value.next_step


def test_an_etag_changes_with_the_version_and_with_the_content() -> None:
    tags = {conditions.etag(version, content) for version in ("1", "2") for content in (b"a", b"b")}
    assert len(tags) == 4
    for tag in tags:
        assert conditions.is_unchanged(request(If_None_Match=f'W/"{tag}", "x"'), tag)
        assert not conditions.is_unchanged(request(If_None_Match='"1-x"'), tag)
        assert not conditions.is_unchanged(request(), tag)
