"""organisation.toml is read strictly."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from engage_server.errors import FileNotUsable, SettingsInvalid
from engage_server.links.telekom.certificates.organisation import (
    EXAMPLE,
    EndpointHost,
    Organisation,
    read_organisation,
)
from engage_server.links.telekom.certificates.profiles import Environment
from engage_server.records import Host
from tests.support.lengths import examples
from tests.support.telekom import SAMPLE, organisation_toml, organisations


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("organisation") / "organisation.toml"


def test_the_example_is_the_sample_of_the_document(file: Path) -> None:
    file.write_text(EXAMPLE)
    assert read_organisation(file) == SAMPLE
    assert all(len(line) <= 100 for line in EXAMPLE.splitlines())


@settings(max_examples=examples(all=80, quick=50, campaign=200))
@given(organisation=organisations)
def test_what_is_written_is_read(file: Path, organisation: Organisation) -> None:
    file.write_text(organisation_toml(organisation), encoding="utf-8")
    assert read_organisation(file) == organisation


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"country": "de"}, "country: it must be two capital letters"),
        ({"country": "DEU"}, "country: it must be two capital letters"),
        ({"country": "D\u00c9"}, "country: it must be two capital letters"),
        ({"state": "x" * 129}, r"state: it must have at most 128 characters \(X.520\); it has 129"),
        ({"locality": "x" * 129}, "locality: it must have at most 128"),
        ({"organization": "x" * 65}, "organization: it must have at most 64"),
        ({"organization": " x"}, "organization: it must be plain text"),
        ({"organization": "a\nb"}, "organization: it must be plain text"),
        ({"organization": ""}, "organization: it must be text that is not empty"),
        ({"email": "m2m.sample.org"}, "email: it must be an e-mail address"),
        ({"email": "m\u00fc@sample.org"}, "email: it must be an e-mail address"),
        ({"email": "m@" + "x" * 127}, "email: it must be an e-mail address"),
        ({"short_name": "Sample Org"}, "short_name: it must be letters"),
        ({"short_name": "../x"}, "short_name: it must be letters"),
        ({"ta": EndpointHost("https://ta.sample.org")}, r"\[ta\]: host: it must be a DNS name"),
        ({"pe": EndpointHost("m2m.sample.org:8443")}, r"\[pe\]: host: it must be a DNS name"),
        ({"pe": EndpointHost("x" * 60 + ".example")}, r"\[pe\]: host: it must have at most 64"),
    ],
)
def test_a_wrong_value_stops(file: Path, changes: dict[str, Any], words: str) -> None:
    text = (
        organisation_toml(replace(SAMPLE, **changes)) if "a\nb" not in changes.values() else organisation_toml(SAMPLE)
    )
    file.write_text(text.replace("Sample Organization S.E.", "a\\nb") if "a\nb" in changes.values() else text)
    with pytest.raises(SettingsInvalid, match=words):
        read_organisation(file)


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "x" * 128, "locality": "\u00e4" * 128, "organization": "\u6f22" * 64},
        {"email": "m@" + "x" * 126, "short_name": "a" * 40},
        {"ta": EndpointHost("192.0.2.7"), "pe": EndpointHost("x" * 56 + ".example")},
    ],
)
def test_what_is_just_right_is_read(file: Path, changes: dict[str, Any]) -> None:
    """The control."""
    file.write_text(organisation_toml(replace(SAMPLE, **changes)), encoding="utf-8")
    assert read_organisation(file) == replace(SAMPLE, **changes)


@pytest.mark.parametrize(
    ("line", "instead", "words"),
    [
        ("organization =", "organisation =", "no key organisation. Did you mean organization"),
        ('locality = "Bonn"', "", "the key locality is missing"),
        ("[pe]", "[pe2]", "no key pe2. Did you mean pe"),
        ('host = "ta.sample.org"', 'name = "ta.sample.org"', r"\[ta\]: there is no key name"),
        ('locality = "Bonn"', "locality = 7", "locality: it must be text"),
        ('locality = "Bonn"', "locality = Bonn", "it is not TOML"),
    ],
)
def test_a_wrong_key_stops(file: Path, line: str, instead: str, words: str) -> None:
    text = organisation_toml(SAMPLE)
    assert line in text
    file.write_text(text.replace(line, instead))
    with pytest.raises(SettingsInvalid, match=words):
        read_organisation(file)


def test_a_file_that_is_missing_or_no_text(file: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotUsable, match=r"none\.toml: cannot read it"):
        read_organisation(tmp_path / "none.toml")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsInvalid, match="it is not TOML"):
        read_organisation(file)


def test_an_international_name_is_written_in_ascii() -> None:
    organisation = replace(SAMPLE, ta=EndpointHost("T\u00fcr.Example."))
    assert organisation.host(Environment.TEST) == Host("xn--tr-xka.example")
