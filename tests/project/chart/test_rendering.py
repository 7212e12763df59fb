"""What helm and the schemas of Kubernetes say of the chart. Rendered and judged, never deployed by us."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from engage_server import __version__
from engage_server.settings import table_of_settings
from tests.project.chart_schema import CHARTS_OWN
from tests.support.charts import CHART, VALUES, VERSIONS, Objects, complaints, helm, needs_helm, of_kind, template

pytestmark = needs_helm

EXPECTED = {"StatefulSet", "Job", "Service", "ServiceAccount", "PodDisruptionBudget", "NetworkPolicy"}


def test_there_are_eight_sets_of_values() -> None:
    assert len(VALUES) == 8


@pytest.mark.parametrize("path", VALUES, ids=lambda path: path.stem)
def test_helm_finds_nothing_to_warn_about(path: Path, tmp_path: Path) -> None:
    done = helm("lint", "--strict", "--quiet", CHART, "--values", path, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_set_makes_all_kinds(rendered: dict[str, Objects]) -> None:
    for name, objects in rendered.items():
        kinds = {each["kind"] for each in objects} - {"PersistentVolumeClaim"}
        assert kinds == (EXPECTED - {"NetworkPolicy"} if name == "release-key" else EXPECTED), name


def test_the_newest_kubernetes_accepts_all(rendered: dict[str, Objects]) -> None:
    assert complaints([each for objects in rendered.values() for each in objects], VERSIONS[-1:]) == []


@pytest.mark.long("the newest version, above")
def test_five_minor_versions_accept_all(rendered: dict[str, Objects]) -> None:
    assert complaints([each for objects in rendered.values() for each in objects], VERSIONS) == []


def _unknown_field(each: dict[str, Any]) -> None:
    each["spec"]["template"]["spec"]["hostNetwrk"] = True


def _unknown_place(each: dict[str, Any]) -> None:
    each["spec"]["template"]["spec"]["containers"][0]["runAsUser"] = 10001


def _wrong_type(each: dict[str, Any]) -> None:
    each["spec"]["replicas"] = "2"


def _missing_selector(each: dict[str, Any]) -> None:
    del each["spec"]["selector"]


@pytest.mark.parametrize("damage", [_unknown_field, _unknown_place, _wrong_type, _missing_selector])
def test_a_broken_field_is_found(damage: Any, rendered: dict[str, Objects]) -> None:
    """The control: the judge looks."""
    (broken,) = copy.deepcopy(of_kind(rendered["only-needed"], "StatefulSet"))
    damage(broken)
    assert len(complaints([broken], VERSIONS[-1:])) == 1


@pytest.mark.parametrize(
    "given",
    [
        {"replicas": "two"},
        {"backups": {"existingClaim": "backups", "at": "2:30"}},
        {"openId": {"clientSecret": {"value": "canary"}}},
        {"replicas": 0},
        {"replica": 2},
        {"image": {"digest": "sha256:0"}},
        {"image": {"repository": "registry.example.org/engage-server", "digst": ""}},
        {"devices": {"service": {"type": "ClusterIP"}}},
        {"devices": {"proxyProtocol": {"from": ["10.0.0.0"]}}},
        {"operators": {"service": {"type": "LoadBalancer"}}},
        {"networkPolicy": {"egress": [{"cidr": "0.0.0.0/0"}]}},
        {"networkPolicy": {"operatorsFrom": [{"podLabels": {"a": "b"}}]}},
        {"settings": {"database_url": "postgresql://engage:canary@db/engage"}},
        {"settings": {"http_port": 81}},
        {"settings": {"pol_seconds": 1}},
        {"keyEncryptionKey": {"value": "canary"}},
        {"terminationGracePeriodSeconds": 10},
        {"resources": {"http": {"limits": {"cpu": "1"}}, "extra": {}}},
        {"ingress": {"enabled": True}},
    ],
    ids=str,
)
def test_a_broken_value_is_found(given: dict[str, Any], values: Path, tmp_path: Path) -> None:
    more = tmp_path / "more.yaml"
    more.write_text(yaml.safe_dump(given), encoding="utf-8")
    done = template(values, tmp_path, "--values", str(more))
    assert done.returncode != 0
    assert "values don't meet the specifications of the schema" in done.stderr


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("image.repository=", "image.repository is missing"),
        ("keyEncryptionKey.existingSecret=", "keyEncryptionKey.existingSecret is missing: name a Secret"),
        ("database.existingSecret=", "database.existingSecret is missing: name a Secret"),
        ("init.newInstallation=true", "init.hosts is empty"),
        ("init.newInstallation=true,init.hosts={a.example.org}", "init.siteKey.existingSecret is missing"),
        (
            "init.newInstallation=true,init.hosts={a.example.org},init.siteKey.makeNew=true,init.siteKey.existingSecret=x",
            "init.siteKey has both",
        ),
        ("devices.service.externalTrafficPolicy=Cluster", "hides the addresses of devices"),
        ("operators.expose=true", "operators.tls.existingSecret is missing"),
        ("backups.at=02:30", "backups.existingClaim is missing"),
        ("backups.existingClaim=backups", "backups.at is missing"),
        ("openId.clientSecret.existingSecret=x", "openId.roles.existingSecret is missing"),
        ("openId.roles.existingSecret=x", "settings.oidc_issuer is missing"),
    ],
)
def test_what_is_missing_is_named(given: str, sentence: str, values: Path, tmp_path: Path) -> None:
    assert template(values, tmp_path).returncode == 0
    done = template(values, tmp_path, "--set", given)
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr


def test_the_chart_is_of_this_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert chart["appVersion"] == __version__
    assert __version__.startswith(chart["version"])


def _assert_strict(schema: dict[str, Any], values: Any, place: str) -> None:
    """Each object of the schema refuses other names, and has exactly those of the values, unless it is a free map."""
    if "properties" not in schema:
        return
    assert schema["additionalProperties"] is False, place
    assert set(values) <= set(schema["properties"]), place
    for name, value in values.items():
        if isinstance(value, dict):
            _assert_strict(schema["properties"][name], value, f"{place}.{name}")


def test_the_schema_knows_each_value_and_no_other() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    _assert_strict(schema, values, "")
    assert set(schema["properties"]) - {"global"} == set(values)


def test_each_setting_is_a_value_or_the_charts_own() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    known = {row.name for row in table_of_settings()}
    free = set(schema["properties"]["settings"]["properties"])
    assert free <= known
    assert known - free == CHARTS_OWN, "scripts/fix writes the schema"
    assert not [each for each in free if each.endswith(("_url", "_file", "_dir", "_key", "_bind", "_port", "_command"))]


def test_the_notes_say_what_comes_next(values: Path, tmp_path: Path) -> None:
    notes = helm("install", "x", CHART, "--values", values, "--dry-run=client", folder=tmp_path).stdout
    notes = notes.partition("NOTES:")[2]
    assert "no Ingress" in notes
    assert "port-forward" in notes
    assert "engage status" in notes
