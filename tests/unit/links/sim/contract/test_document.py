"""Contracts that are read, and those that are not. Nothing is ever fetched."""

import json
from pathlib import Path
from typing import Any

import pytest

from engage_server.errors import SettingsInvalid, UsageError
from engage_server.links.sim.contract.document import MAX_BYTES, Document, read_document
from engage_server.links.sim.contract.yaml_text import read_yaml
from tests.support.sim.prism import CONTRACT
from tests.support.sim.raw import RawPeer

SMALL: dict[str, Any] = {"openapi": "3.0.3", "info": {"title": "Small", "version": "1"}, "paths": {}}


def read(folder: Path, content: str | bytes, name: str = "contract.json") -> Document:
    """Write a file and read it."""
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_document(folder / name)


def test_json_and_yaml_say_the_same(tmp_path: Path) -> None:
    by_yaml = read_document(CONTRACT)
    assert read(tmp_path, json.dumps(by_yaml.root)).root == by_yaml.root
    assert read(tmp_path, b"\xef\xbb\xbf  \n" + json.dumps(by_yaml.root).encode()).root == by_yaml.root


@pytest.mark.parametrize(("version", "is_old"), [("3.0.0", True), ("3.0.4", True), ("3.1.1", False), ("3.2.0", False)])
def test_the_version_says_which_schemas_it_has(tmp_path: Path, version: str, is_old: bool) -> None:
    found = read(tmp_path, json.dumps({**SMALL, "openapi": version}))
    assert (found.is_3_0, found.title) == (is_old, "Small 1")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"swagger": "2.0", "paths": {}}', "it is Swagger 2.0, and only OpenAPI 3 can be used"),
        ('swagger: "2.0"', "it is Swagger 2.0"),
        ('{"openapi": "4.0.0"}', "does not say openapi"),
        ('{"openapi": 3}', "does not say openapi"),
        ("{}", "does not say openapi"),
        ("- a", "it holds no object"),
        ("", "it holds no object"),
        ("just words", "it holds no object"),
        ('{"openapi": "3.0.3"', "is not JSON"),
        ("a: [1", "it is not YAML in line 2"),
        ("a: b: c", "it is not YAML in line 1"),
        (b"a: \xff\xfe", "it is not YAML"),
        ("a: !!python/object/apply:os.system [id]", "line 1 has a tag"),
        ("a: 1\nb: !!timestamp 2026-11-27", "line 2 has a tag"),
        ("a: !!binary aGk=", "line 1 has a tag"),
        ("a: !!set {b, c}", "line 1 has a tag"),
        ("a: !!omap [b: 1]", "line 1 has a tag"),
        ("a: !!float .nan", "line 1 has a tag"),
        ("a: !!int 1:30", "line 1 has a tag"),
        ("a: !!bool yes", "line 1 has a tag"),
        ("a: !own b", "line 1 has a tag"),
        ("a: &a {b: 1}\nc: {!!merge <<: *a}", "line 2 has a tag"),
        ("a: 1e999", "too large"),
        ('{"a":' * 300 + "1" + "}" * 300, "nest"),
        ("[" * 300 + "]" * 300, "nested too deep"),
        ("a: " + "[" * 100_000, "nested too deep|not YAML"),
        ("a: &x [*x]", "nested too deep"),
    ],
)
def test_what_is_no_contract(tmp_path: Path, content: str | bytes, said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said) as refused:
        read(tmp_path, content)
    assert str(tmp_path / "contract.json") in refused.value.sentence
    assert refused.value.next_step


def test_a_file_has_a_limit(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=f"more than {MAX_BYTES} bytes"):
        read(tmp_path, b" " * (MAX_BYTES + 1))
    with pytest.raises(SettingsInvalid, match="missing"):
        read_document(tmp_path / "missing.json")


def test_aliases_do_not_grow() -> None:
    """Each line doubles what the line before it says: 2 ** 40 values, if they were written out."""
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40))]
    assert len(read_yaml("\n".join(lines).encode(), 200)) == 40


def test_nor_does_what_is_merged() -> None:
    lines = ["a0: &a0 {k: v}"]
    lines += [f"a{n}: &a{n} {{!!merge <<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 12)]  # 2 ** 11, if it did
    with pytest.raises(ValueError, match="line 2 has a tag"):
        read_yaml("\n".join(lines).encode(), 200)
    assert read_yaml(b"a: &a {b: 1}\nc: {<<: *a}", 9)["c"] == {"<<": {"b": 1}}


def test_tags_of_json_s_values_are_known() -> None:
    text = b"a: !!str 200\nb: !!int 7\nc: !!map {d: !!seq [!!bool true, !!null ~, !!float 1.5]}"
    assert read_yaml(text, 9) == {"a": "200", "b": 7, "c": {"d": [True, None, 1.5]}}


def test_yaml_is_what_json_could_say() -> None:
    text = "no: NO\noff: [off, ON, y]\nday: 2026-11-27\ntime: 1:30\noct: 0o17\n200: {}\ntrue: TRUE\n"
    text += "n: ~\nf: 1.5\nnan: .nan"
    assert read_yaml(text.encode(), 9) == {
        "no": "NO",
        "off": ["off", "ON", "y"],
        "day": "2026-11-27",
        "time": "1:30",
        "oct": "0o17",
        "200": {},
        "true": True,
        "n": None,
        "f": 1.5,
        "nan": ".nan",
    }


def test_references_lead_within_the_file() -> None:
    document = Document("x", {"a": {"$ref": "#/b/c~1d"}, "b": {"c/d": {"$ref": "#/e"}}, "e": {"found": 1}}, True)
    assert document.at("/a") == {"found": 1}


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("http://127.0.0.1:{port}/schema.json", "leads out of the file, and nothing is fetched"),
        ("other.yaml#/a", "leads out of the file"),
        ("#anchor", "leads out of the file"),
        ("#/nothing", "leads to nothing"),
        ("#/a", "lead in a circle"),
        ("#/b", "lead in a circle"),
        (7, "leads out of the file"),
        ("#/list", "is no object"),
    ],
)
def test_and_nowhere_else(reference: object, said: str) -> None:
    with RawPeer() as peer:
        shown = reference.format(port=peer.port) if isinstance(reference, str) else reference
        document = Document("x", {"a": {"$ref": shown}, "b": {"$ref": "#/a"}, "list": []}, True)
        with pytest.raises(UsageError, match=said) as refused:
            document.at("/a")
        assert refused.value.code == "sim.contract"
        assert peer.got == []
