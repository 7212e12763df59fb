"""Renders the Helm chart with the values of a file, and has the result judged."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.checkout import ROOT

CHART = ROOT / "deploy" / "helm" / "engage-server"
VALUES = sorted((ROOT / "tests" / "project" / "chart" / "values").glob("*.yaml"))
VERSIONS = ["1.33", "1.34", "1.35", "1.36", "1.37"]
RELEASE, NAMESPACE = "campus", "doors"

_BIN = Path(sys.prefix) / "share" / "helm" / "bin"
_JUDGE = ROOT / "tests" / "support" / "helm_judge" / "judge.py"

needs_helm = pytest.mark.skipif(
    not (_BIN / "helm").exists(),
    reason="helm is not there: scripts/test installs the packages of requirements-helm.lock",
)

Objects = list[dict[str, Any]]


def helm(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """Helm, with nothing of this process's environment."""
    return subprocess.run(
        [str(_BIN / "helm"), *map(str, arguments)],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def template(values: Path, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """What ``helm template`` prints, or why it refuses."""
    return helm("template", RELEASE, CHART, "--namespace", NAMESPACE, "--values", values, *more, folder=folder)


def objects_in(text: str) -> Objects:
    """The objects of what was rendered."""
    return [each for each in yaml.safe_load_all(text) if each]


def complaints(objects: Objects, versions: list[str]) -> list[list[str]]:
    """What the strict schemas of these versions find: version, kind, place, sentence."""
    done = subprocess.run(
        [str(_BIN / "python"), str(_JUDGE)],
        input=json.dumps({"versions": versions, "objects": objects}),
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    found: list[list[str]] = json.loads(done.stdout)
    return found


def of_kind(objects: Objects, kind: str) -> Objects:
    """Those of one kind."""
    return [each for each in objects if each["kind"] == kind]


def pod_specs(objects: Objects) -> Objects:
    """The specification of each pod that would run."""
    return [each["spec"]["template"]["spec"] for each in objects if each["kind"] in ("StatefulSet", "Job")]


def words_of(container: dict[str, Any]) -> list[str]:
    """What a container runs, without the shell that runs it again."""
    command: list[str] = container["command"]
    return command[3:] if command[:2] == ["sh", "-c"] else command


def containers(objects: Objects) -> Objects:
    """Every container of every pod."""
    return [each for spec in pod_specs(objects) for each in (*spec.get("initContainers", []), *spec["containers"])]


def variables(container: dict[str, Any]) -> dict[str, Any]:
    """The environment of a container: a text, or the reference to a Secret."""
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}
