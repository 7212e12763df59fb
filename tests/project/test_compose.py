"""The compose file is what its specification allows, and starts what the product has. Judged, never run by us."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from engage_server.settings import Settings, load_settings
from tests.project.documentation import commands
from tests.support.checkout import ROOT

FILE = ROOT / "deploy" / "compose" / "compose.yaml"
README = FILE.with_name("README.md").read_text(encoding="utf-8")
KEYS = {"engage.kek", "release.key"}
INSTANCES = ("http", "https", "operators")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


def judged(path: Path) -> subprocess.CompletedProcess[str]:
    """The compose specification's own schema, as check-jsonschema brings it."""
    program = Path(sys.executable).with_name("check-jsonschema")
    command = [str(program), "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_specification_allows_it() -> None:
    done = judged(FILE)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("read_only:", "readonly:"), ("hostname: engage ", "hostname: [engage] "), ("secrets:", "secret:")],
)
def test_a_broken_field_is_found(right: str, wrong: str, tmp_path: Path) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert right in text
    (tmp_path / "compose.yaml").write_text(text.replace(right, wrong), encoding="utf-8")
    assert judged(tmp_path / "compose.yaml").returncode == 1


@pytest.mark.parametrize("name", [*INSTANCES, "init"])
def test_each_service_starts_what_exists(name: str, compose: dict[str, Any]) -> None:
    service = compose["services"][name]
    known: dict[str, click.Command] = dict(commands())
    program, word, *rest = service["entrypoint"]
    given = [*rest, *service.get("command", [])]
    read = known[f"{program} {word}"].make_context(word, given, resilient_parsing=True).params
    assert read["site" if name == "init" else "listener"] == ("main" if name == "init" else name)


@pytest.mark.parametrize("name", [*INSTANCES, "init"])
def test_the_settings_of_each_service_can_be_used(name: str, compose: dict[str, Any], tmp_path: Path) -> None:
    service = compose["services"][name]
    settings = load_settings(None, {"ENGAGE_SYSTEM_CONFIG": "", **service["environment"]}, {}, tmp_path)
    defaults = Settings()
    assert (settings.http_port, settings.https_port, settings.public_http_port) == (8080, 8443, defaults.http_port)
    assert settings.data_dir == Path("/var/lib/engage/data")
    assert settings.operators_port == defaults.operators_port
    for variable, value in service["environment"].items():
        for file in re.findall(r"/run/secrets/([\w.]+)", value):
            assert file in service["secrets"], variable


def test_devices_reach_the_ports_that_they_know_and_no_other(compose: dict[str, Any]) -> None:
    published = {name: each["ports"] for name, each in compose["services"].items() if "ports" in each}
    assert published == {"http": ["80:8080"], "https": ["443:8443"]}
    assert compose["networks"]["inside"] == {"internal": True}
    assert compose["services"]["database"]["networks"] == ["inside"]


def test_secrets_are_files_and_each_service_has_its_own(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert {name: set(each.get("secrets", [])) & KEYS for name, each in services.items()} == {
        "database": set(),
        "init": {"engage.kek"},
        "http": set(),
        "https": {"release.key"},
        "operators": {"engage.kek"},
    }
    assert all(each == {"file": f"secrets/{name}"} for name, each in compose["secrets"].items())
    assert not re.search(r"postgresql://[^@]*:", FILE.read_text(encoding="utf-8")), "no password in a URL"
    for name in compose["secrets"]:
        assert f"secrets/{name}" in README, f"how {name} is made"


def test_no_service_has_rights_or_is_without_limits(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert {"mem_limit", "pids_limit", "stop_grace_period", "restart", "logging"} <= set(service), name
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert re.match(r"\$\{(POSTGRESQL_)?IMAGE:\?", service["image"]), "no default image"
        if name != "database":
            assert (service["read_only"], service["cap_drop"], service["hostname"]) == (True, ["ALL"], "engage")
        if name != "init":
            assert service["restart"] == "unless-stopped"
            assert {"test", "interval", "timeout", "retries", "start_period"} == set(service["healthcheck"])
    for name in INSTANCES:
        assert compose["services"][name]["depends_on"] == {"init": {"condition": "service_completed_successfully"}}


def test_each_volume_is_known(compose: dict[str, Any]) -> None:
    used = {each.partition(":")[0] for service in compose["services"].values() for each in service["volumes"]}
    assert used == set(compose["volumes"])
