"""The links are an optional part: whatever else is imported, they and what they need are not."""

import json
import pkgutil
import subprocess
import sys

import pytest

import engage_server

OPTIONAL = {"lxml", "signxml", "zeep", "yaml", "jsonschema", "openapi_schema_validator", "referencing"}
_PROGRAM = """
import importlib, json, sys
for name in json.loads(sys.stdin.read()):
    importlib.import_module(name)
print(json.dumps(sorted(sys.modules)))
"""
_NOT_IMPORTABLE = ("engage_server.__main__", "engage_server.store.migrations.env")  # they act when they are imported


def core() -> list[str]:
    """Every module but those of the links."""
    found = pkgutil.walk_packages(engage_server.__path__, "engage_server.")
    return [each.name for each in found if not each.name.startswith("engage_server.links")]


def imported(names: list[str]) -> set[str]:
    """What is there after these were imported, in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], input=json.dumps(names), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def of_links(modules: set[str]) -> set[str]:
    """Those that only the links may need."""
    return {each for each in modules if each.startswith("engage_server.links") or each.split(".")[0] in OPTIONAL}


def test_the_whole_core_imports_nothing_of_the_links() -> None:
    names = [each for each in core() if each not in _NOT_IMPORTABLE]
    assert len(names) > 300
    assert of_links(imported(names)) == set()


@pytest.mark.parametrize("name", ["engage_server.links", "engage_server.links.commands.link"])
def test_the_control_finds_them(name: str) -> None:
    assert name in of_links(imported([name]))
