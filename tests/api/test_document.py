"""Two judges of OpenAPI documents accept ours, and would not accept a broken one."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.api_judges import OPENAPI_SPEC_VALIDATOR, SPECTRAL, asked, needs_api_judges, needs_spectral
from tests.support.api_server import ApiServer
from tests.support.checkout import ROOT

pytestmark = pytest.mark.long("tests/project/test_house_rules.py, which reads docs/openapi.json")
_RULES = ROOT / "tests" / "support" / "spectral" / "ruleset.yaml"


@pytest.fixture(scope="module")
def document(shared_api: ApiServer) -> dict[str, Any]:
    return shared_api.document()


def _written(folder: Path, document: dict[str, Any]) -> Path:
    path = folder / "openapi.json"
    path.write_text(json.dumps(document))
    return path


def _broken(document: dict[str, Any]) -> dict[str, Any]:
    """A parameter that stands nowhere in its path, and an answer that nobody described."""
    broken = copy.deepcopy(document)
    operation = broken["paths"]["/sites/{site}"]["get"]
    del operation["responses"]["200"]["description"]
    operation["parameters"] = []
    return broken


@needs_api_judges
def test_openapi_spec_validator(document: dict[str, Any], tmp_path: Path) -> None:
    for judged, status in ((document, 0), (_broken(document), 1)):
        done = asked(OPENAPI_SPEC_VALIDATOR, _written(tmp_path, judged), folder=tmp_path)
        assert done.returncode == status, done.stdout + done.stderr


@needs_spectral
def test_spectral(document: dict[str, Any], tmp_path: Path) -> None:
    done = _lint(_written(tmp_path, document), tmp_path)
    assert (done, "") == ([], ""), done
    codes = {each["code"] for each in _lint(_written(tmp_path, _broken(document)), tmp_path)}
    assert {"oas3-schema", "path-params"} <= codes


def _lint(path: Path, folder: Path) -> list[dict[str, Any]]:
    """What Spectral complains about, warnings and hints as well."""
    report = folder / "spectral.json"
    options = ("--ruleset", _RULES, "--format", "json", "--output", report, "--fail-severity", "hint", "--quiet")
    done = asked(SPECTRAL, "lint", *options, path, folder=folder)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found: list[dict[str, Any]] = json.loads(report.read_text())
    assert bool(found) is bool(done.returncode)
    return found


def test_the_committed_document_is_the_one_that_is_served(document: dict[str, Any]) -> None:
    assert json.loads((ROOT / "docs" / "openapi.json").read_text()) == document
