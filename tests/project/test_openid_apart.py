"""Signing in at an OpenID provider is an optional part: nothing else imports it, nor what its extra installs."""

import json
import pkgutil
import subprocess
import sys

import pytest

import engage_server

OPTIONAL = {"authlib", "joserfc", "requests"}
_PART = "engage_server.services.access.openid"
_PURE = {_PART, f"{_PART}.refusals", f"{_PART}.terms", f"{_PART}.trip", f"{_PART}.arrivals"}
_PROGRAM = """
import importlib, json, sys
for name in json.loads(sys.stdin.read()):
    importlib.import_module(name)
print(json.dumps(sorted({each.partition(".")[0] for each in sys.modules})))
"""
_OTHERS = ("engage_server.__main__", "engage_server.store.migrations.env")  # they act when they are imported


def imported(names: list[str]) -> set[str]:
    """The packages that are there after these were imported, in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], input=json.dumps(names), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_nothing_else_imports_what_the_extra_installs() -> None:
    found = [each.name for each in pkgutil.walk_packages(engage_server.__path__, "engage_server.")]
    own = [each for each in found if each.startswith(_PART) and each not in _PURE]
    assert len(own) == 4
    telekom = [each for each in found if each.startswith("engage_server.links")]
    names = [each for each in found if each not in {*own, *telekom, *_OTHERS}]
    assert len(names) > 300
    assert imported(names) & OPTIONAL == set()


@pytest.mark.parametrize(("module", "package"), [("id_token", "joserfc"), ("provider", "authlib")])
def test_the_control_finds_them(module: str, package: str) -> None:
    assert package in imported([f"{_PART}.{module}"])
