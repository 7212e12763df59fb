"""Every code is explained, and explained as it is told."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from engage_server.checks import RULES, Finding
from engage_server.checks.explained import EXPLANATIONS
from engage_server.checks.selection import Selection, explained_codes
from engage_server.errors import UsageError
from engage_server.pki.containers.contents import Oddity
from tests.support.checkout import ROOT
from tests.support.containers import UNREADABLE
from tests.support.defects import DEFECTS, case_of

_CODE = re.compile(r"[a-z_]+\.[a-z0-9_]+")
# what is refused before a chain is checked
_NOT_FOUND = {"chain.exists", "content.several_chains", "private_key.sent"}
_TELL = ("checks", "services/chains", "pki/containers")


@cache
def corpus() -> tuple[tuple[str, Finding], ...]:
    """What every rule says of every defect, with the defect's name."""
    return tuple(
        (name, finding)
        for name, (function, _) in DEFECTS.items()
        for case in (case_of(function),)
        for rule in RULES
        for finding in rule(case)
    )


def told_codes(source: str) -> Iterator[str]:
    """The codes that a module gives to findings and errors: second arguments of ``Finding``, and ``code=``."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        given = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        if isinstance(node.func, ast.Name) and node.func.id == "Finding":
            given += node.args[1:2]
        for each in given:
            yield from (text for text in _texts(each) if _CODE.fullmatch(text))


def _texts(node: ast.AST) -> Iterator[str]:
    return (each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str))


def _modules() -> Iterator[Path]:
    for folder in _TELL:
        yield from sorted((ROOT / "engage_server" / folder).rglob("*.py"))


@pytest.mark.parametrize("code", ["key.too_large", "key.not_rsa", "san.missing"])
def test_the_reason_says_what_happens_on_the_device(code: str) -> None:
    """The rule again is no reason."""
    assert re.search(r"ends every TLS connection|refuse it", EXPLANATIONS[code].why)


def test_every_code_in_the_source_is_explained() -> None:
    told = {code for path in _modules() for code in told_codes(path.read_text(encoding="utf-8"))}
    assert len(told) > 40
    assert told - set(EXPLANATIONS) - _NOT_FOUND == set()


def test_the_look_at_the_source_finds_codes() -> None:
    source = 'Finding(S, "a.b", sentence="c.d")\nraise X("e.f", code="g.h")\nFinding(S, "i.j" if x else "k.l")'
    assert sorted(told_codes(source)) == ["a.b", "g.h", "i.j", "k.l"]


def test_every_finding_of_the_corpus_is_explained_as_it_is_told() -> None:
    for name, finding in corpus():
        explained = EXPLANATIONS[finding.code]
        assert finding.severity in (explained.severity, explained.lesser), name
        assert explained.source == finding.source, name


def test_every_cause_of_a_file_is_explained_and_nothing_is_that_nobody_tells() -> None:
    causes = {code for _, code, _, _ in UNREADABLE.values()} | {oddity.value for oddity in Oddity}
    assert causes <= set(EXPLANATIONS)
    of_chains = {finding.code for _, finding in corpus()}
    source = {code for path in _modules() for code in told_codes(path.read_text(encoding="utf-8"))}
    classes = {"certificate.invalid", "file.not_usable", "not_possible", "usage", "content.no_certificate"}
    sizes = {"key.too_large", "key.too_small"}  # handed on as an argument
    assert set(EXPLANATIONS) == of_chains | source - _NOT_FOUND | causes | classes | sizes


@pytest.mark.parametrize("code", EXPLANATIONS)
def test_an_explanation_is_whole_and_short(code: str) -> None:
    explained = EXPLANATIONS[code]
    assert explained.address.startswith("https://")
    for text in (explained.rule, explained.why, explained.fix):
        assert text[0].isupper() or text[0] == "'"
        assert text.endswith((".", "PKCS12", "explain")), text
        for sentence in re.split(r"(?<=[.?]) ", text):
            assert len(sentence.split()) <= 25, sentence


def test_a_page_is_the_rfc_that_the_source_names() -> None:
    assert EXPLANATIONS["path.issuer_not_ca"].address == "https://www.rfc-editor.org/rfc/rfc5280#section-6.1.4"
    assert EXPLANATIONS["key.exponent"].address == "https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1.1"


class TestSelection:
    def test_a_first_part_stands_for_all_codes_of_an_area(self) -> None:
        assert explained_codes("validity.expired") == ["validity.expired"]
        assert set(explained_codes("sent")) == {code for code in EXPLANATIONS if code.startswith("sent.")}

    @pytest.mark.parametrize(
        ("text", "hint"),
        [("validty", "validity?"), ("san.host_mising", "san.host_missing?"), ("valid", "explain"), ("", "explain")],
    )
    def test_what_is_no_code_is_refused_with_a_suggestion(self, text: str, hint: str) -> None:
        with pytest.raises(UsageError) as caught:
            explained_codes(text)
        assert hint in caught.value.next_step

    @pytest.mark.parametrize("code", ["vendor.key_exposed", "vendor.hash_mismatch", "vendor"])
    def test_a_code_of_the_import_is_not_taken_for_another(self, code: str) -> None:
        with pytest.raises(UsageError, match="a code of 'engage import vendor'") as caught:
            explained_codes(code)
        assert "engage import vendor FOLDER" in caught.value.next_step
        assert "Did you mean" not in caught.value.next_step

    @pytest.mark.parametrize("code", ["notice.form", "store.lost", "device.conflict"])
    def test_a_code_of_another_command_is_not_taken_for_a_slip(self, code: str) -> None:
        with pytest.raises(UsageError) as caught:
            explained_codes(code)
        assert "Did you mean" not in caught.value.next_step

    def test_several_codes_may_stand_in_one_text(self) -> None:
        assert Selection.of(["san.missing, validity", "key"], []).ignored == ("san.missing", "validity", "key")

    @pytest.mark.parametrize("code", ["file.not_usable", "file", "not_possible", "certificate", "passphrase.wrong"])
    def test_that_nothing_was_judged_cannot_be_ignored(self, code: str) -> None:
        with pytest.raises(UsageError, match="cannot be ignored"):
            Selection.of([code], [])

    def test_files_that_are_no_chain_can_be_skipped(self) -> None:
        for ignored in ("content", "content.request"):
            assert Selection.of([ignored], []).skips("content.request")
            assert not Selection.of([ignored], []).skips("content.empty")
        assert not Selection.of(["validity"], ["content"]).skips("content.request")
