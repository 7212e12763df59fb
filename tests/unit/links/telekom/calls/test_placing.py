"""Where the M2MApiKey and the sender ID are put, and how parameters are read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from engage_server.errors import Conflict, UsageError
from engage_server.links.telekom.calls.placing import parse_arguments, put_into_header, with_secret
from engage_server.links.telekom.messages.names import HEADER
from tests.support.signed_messages import soap


def test_parameters() -> None:
    given = ["a=1", "b.c=2=3", "b.d=", "e=4", "e=5"]
    assert parse_arguments(given) == {"a": "1", "b": {"c": "2=3", "d": ""}, "e": ["4", "5"]}


@pytest.mark.parametrize("given", [["a"], ["=1"], ["a.=1"], [".a=1"], ["a=1", "a.b=2"], ["a.b=1", "a=2"]])
def test_no_parameters(given: list[str]) -> None:
    with pytest.raises(UsageError):
        parse_arguments(given)


@given(st.lists(st.text()))
def test_any_text_is_a_parameter_or_a_usage_error(texts: list[str]) -> None:
    try:
        parse_arguments(texts)
    except UsageError:
        return


def test_a_secret_among_the_parameters() -> None:
    arguments = {"access": {"user": "u"}, "iccid": "89"}
    found = with_secret(arguments, "Body/*/access/key", "secret")
    assert found == {"access": {"user": "u", "key": "secret"}, "iccid": "89"}
    assert arguments == {"access": {"user": "u"}, "iccid": "89"}, "the caller's stay as they are"
    assert with_secret(arguments, "Header/{urn:x}Key", "secret") == arguments
    with pytest.raises(Conflict):
        with_secret(found, "Body/*/access/key", "other")


@pytest.mark.parametrize("header", ["", "<s:Header xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'/>"])
def test_a_secret_in_the_header(header: str) -> None:
    root = etree.fromstring(soap(header=header))
    put_into_header(root, "Header/{urn:x}Sender/Id", "one")
    put_into_header(root, "Header/{urn:x}Sender/Key", "<two>")
    put_into_header(root, "Body/*/Key", "three")
    (sender,) = root[0]
    assert root[0].tag == HEADER
    assert [(child.tag, child.text) for child in sender] == [("{urn:x}Id", "one"), ("{urn:x}Key", "<two>")]
