"""What no value of the chart may lead to: secrets in it, rights, a way in or out that nobody asked for."""

import re
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest

from engage_server.serving import pair
from engage_server.serving.listener import Listener
from engage_server.settings import Settings, load_settings
from engage_server.variables import KEK_VARIABLE
from tests.project.documentation import commands
from tests.support.charts import Objects, containers, needs_helm, of_kind, pod_specs, variables, words_of
from tests.support.checkout import ROOT
from tests.support.running import eventually

pytestmark = needs_helm

CONTAINERFILE = (ROOT / "deploy" / "container" / "Containerfile").read_text(encoding="utf-8")
USER = 10001
SERVER = {
    "app.kubernetes.io/name": "engage-server",
    "app.kubernetes.io/instance": "campus",
    "app.kubernetes.io/component": "server",
}
PRIVILEGED = ("hostNetwork", "hostPID", "hostIPC", "hostUsers", "shareProcessNamespace")


def _container(objects: Objects, name: str) -> dict[str, Any]:
    return next(each for each in containers(objects) if each["name"] == name)


@pytest.fixture(params=range(8))
def objects(request: pytest.FixtureRequest, rendered: dict[str, Objects]) -> Objects:
    """Those of one set of values."""
    return [*rendered.values()][request.param]


def test_no_secret_is_made_or_written(texts: dict[str, str], objects: Objects) -> None:
    assert not {"Secret", "ConfigMap", "Ingress", "Role", "ClusterRole", "RoleBinding"} & {e["kind"] for e in objects}
    for container in containers(objects):
        for name, value in variables(container).items():
            if name in ("ENGAGE_DATABASE_URL", KEK_VARIABLE):
                assert set(value) == {"secretKeyRef"}, "by reference alone"
            else:
                assert isinstance(value, str), name
    for text in texts.values():
        assert not re.search(r"postgresql://|PRIVATE KEY", text)


def test_no_pod_has_rights(objects: Objects) -> None:
    for spec in pod_specs(objects):
        assert not [each for each in PRIVILEGED if each in spec]
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False, "variables of services would be settings that do not exist"
        security = spec["securityContext"]
        assert (security["runAsNonRoot"], security["runAsUser"], security["fsGroup"]) == (True, USER, USER)
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert f"--uid {USER} " in CONTAINERFILE
        for volume in spec["volumes"]:
            assert set(volume) - {"name"} <= {"emptyDir", "secret", "persistentVolumeClaim"}
            assert "sizeLimit" in volume.get("emptyDir", {"sizeLimit": ""}), volume


def test_no_container_has_rights_or_is_without_limits(objects: Objects) -> None:
    for container in containers(objects):
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is security["privileged"] is False
        assert security["readOnlyRootFilesystem"] is security["runAsNonRoot"] is True
        assert security["capabilities"] == {"drop": ["ALL"]}
        for kind in ("requests", "limits"):
            assert set(container["resources"][kind]) == {"cpu", "memory"}
        assert re.search(r"@sha256:[0-9a-f]{64}$|:0\.2\.0$", container["image"])
        assert any(each["mountPath"] == "/tmp" for each in container["volumeMounts"])


def test_each_instance_sees_only_its_own_key(rendered: dict[str, Objects]) -> None:
    for name, objects in rendered.items():
        keys = {}
        for container in containers(objects):
            given = variables(container)
            mounted = {each["name"] for each in container["volumeMounts"]} & {"key-encryption-key", "release-key"}
            keys[container["name"]] = ({KEK_VARIABLE} & set(given)) | mounted
        is_new = name in ("first-time", "no-door-yet")
        assert keys == {
            "http": set(),
            "https": {"release-key"} if name == "release-key" else {KEK_VARIABLE},
            "operators": {"key-encryption-key"},
            # in a file it is a trace of an installation: then init refuses an empty database
            "init": {KEK_VARIABLE} if is_new else {"key-encryption-key"},
        }, name


def test_what_selects_pods_selects_the_servers(objects: Objects) -> None:
    (servers,), (budget,) = of_kind(objects, "StatefulSet"), of_kind(objects, "PodDisruptionBudget")
    labels = servers["spec"]["template"]["metadata"]["labels"]
    assert servers["spec"]["selector"]["matchLabels"] == budget["spec"]["selector"]["matchLabels"] == SERVER
    assert SERVER.items() <= labels.items()
    for service in of_kind(objects, "Service"):
        assert service["spec"]["selector"] == SERVER
    pod = servers["spec"]["template"]["spec"]
    anti = pod["affinity"]["podAntiAffinity"]
    terms = anti.get("requiredDuringSchedulingIgnoredDuringExecution") or [
        each["podAffinityTerm"] for each in anti["preferredDuringSchedulingIgnoredDuringExecution"]
    ]
    for term in (*terms, *pod["topologySpreadConstraints"]):
        assert term["labelSelector"]["matchLabels"] == SERVER
    (job,) = of_kind(objects, "Job")
    assert job["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"] == "init", "no door calls it"
    for each in objects:
        assert each["metadata"]["labels"]["helm.sh/chart"].startswith("engage-server-")


def test_ports_are_those_of_the_image_and_of_the_product(objects: Objects) -> None:
    defaults = Settings()
    (devices, *others) = of_kind(objects, "Service")
    assert [each["port"] for each in devices["spec"]["ports"]] == [defaults.http_port, defaults.https_port]
    assert all(each["spec"]["type"] == "ClusterIP" for each in others)
    assert all([each["spec"]["ports"][0]["port"]] == [defaults.operators_port] for each in others)
    ports = {each["name"]: each["ports"][0]["containerPort"] for each in containers(objects) if "ports" in each}
    assert ports["operators"] == defaults.operators_port
    for container in containers(objects):
        given = variables(container)
        for name in ("ENGAGE_HTTP_PORT", "ENGAGE_HTTPS_PORT", "ENGAGE_PUBLIC_HTTP_PORT"):
            assert f"{name}={given[name]}" in CONTAINERFILE, "commands that are run beside the servers find them"
    http = variables(_container(objects, "http"))
    assert (ports["http"], ports["https"]) == (int(http["ENGAGE_HTTP_PORT"]), int(http["ENGAGE_HTTPS_PORT"]))
    assert http["ENGAGE_PUBLIC_HTTP_PORT"] == str(devices["spec"]["ports"][0]["port"])


def test_the_network_is_closed_but_for_what_was_asked(rendered: dict[str, Objects]) -> None:
    def rules(name: str, component: str, direction: str) -> list[tuple[list[int], Any]]:
        (policy,) = [
            each["spec"]
            for each in of_kind(rendered[name], "NetworkPolicy")
            if each["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == component
        ]
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        peers = "from" if direction == "ingress" else "to"
        return [([port["port"] for port in rule["ports"]], rule.get(peers)) for rule in policy[direction]]

    for name in set(rendered) - {"release-key"}:
        assert rules(name, "init", "ingress") == []
        assert rules(name, "server", "ingress")[0] == ([8080, 8443], None), "devices, from anywhere"
        assert len(rules(name, "server", "ingress")) == (2 if name == "exposed-operators" else 1)
    ports, callers = rules("exposed-operators", "server", "ingress")[1]
    assert ports == [8008]
    assert [set(each) for each in callers] == [{"namespaceSelector", "podSelector"}, {"namespaceSelector"}]
    out = rules("closed-network", "server", "egress")
    assert [each for each, _ in out] == [[53, 53], [6432], [587], [443, 8443]]
    assert all(peers for _, peers in out), "no rule is for all addresses"
    assert [each for each, _ in rules("closed-network", "init", "egress")] == [[53, 53], [6432]]


def test_a_probe_never_asks_for_the_database_or_looks_like_a_device(objects: Objects) -> None:
    """Liveness asks whether a process answers. So an absent database kills nothing."""
    (servers,) = of_kind(objects, "StatefulSet")
    for container in servers["spec"]["template"]["spec"]["containers"]:
        for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
            if kind not in container:
                assert container["name"] == "operators", "devices do not wait for it, nor for its restart"
                continue
            asked = " ".join(container[kind]["exec"]["command"])
            assert "127.0.0.1" in asked, "by an address that is no balancer's"
            assert ("readyz" in asked) is (container["name"] == "http" and kind == "readinessProbe")
            assert "https://" not in asked, "a handshake would count as one of a device"


@pytest.mark.parametrize("status", [1, 137])
def test_an_operators_instance_that_ends_is_started_again_and_its_container_runs_on(
    rendered: dict[str, Objects], tmp_path: Path, status: int
) -> None:
    """A pod whose container does not run gets no devices."""
    (shell, flag, script, *_) = _container(rendered["only-needed"], "operators")["command"]
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho $1 >> {tmp_path}/starts\nexit {status}\n")
    program.chmod(0o755)
    quick = script.replace("sleep 10", "sleep 0.05")
    assert quick != script
    with subprocess.Popen([shell, flag, quick, str(program), "serve"], stderr=subprocess.PIPE) as running:
        eventually(lambda: (tmp_path / "starts").exists() and len((tmp_path / "starts").read_text()) > 20, "again")
        assert running.poll() is None
        running.terminate()
        said = running.communicate(timeout=10)[1]
    assert f"ended with status {status}".encode() in said


def test_a_container_that_is_stopped_stops_its_instance(rendered: dict[str, Objects], tmp_path: Path) -> None:
    (shell, flag, script, *_) = _container(rendered["only-needed"], "operators")["command"]
    program = tmp_path / "program"
    ends = f"trap 'sleep 0.2; touch {tmp_path}/ended; exit 0' TERM"
    program.write_text(f"#!/bin/sh\n{ends}\ntouch {tmp_path}/up\nwhile :; do sleep 0.05; done\n")
    program.chmod(0o755)
    with subprocess.Popen([shell, flag, script, str(program)]) as running:
        eventually((tmp_path / "up").exists, "it runs")
        running.terminate()
        assert running.wait(10) == 0
    assert (tmp_path / "ended").exists(), "it had the time to end"


def test_a_missing_secret_of_the_operators_keeps_no_pod_from_devices(objects: Objects) -> None:
    (servers,) = of_kind(objects, "StatefulSet")
    pod = servers["spec"]["template"]["spec"]
    of_devices = {
        mount["name"] for each in pod["containers"] if each["name"] != "operators" for mount in each["volumeMounts"]
    }
    for volume in pod["volumes"]:
        if "secret" in volume:
            assert volume["secret"].get("optional", False) is (volume["name"] not in of_devices), volume["name"]


def test_requests_that_run_have_time_to_end(objects: Objects) -> None:
    (servers,) = of_kind(objects, "StatefulSet")
    pod = servers["spec"]["template"]["spec"]
    for container in pod["containers"]:
        wait = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert wait + pair._GRACE_SECONDS <= pod["terminationGracePeriodSeconds"]


def test_each_container_starts_what_exists(objects: Objects) -> None:
    known: dict[str, click.Command] = dict(commands())
    for container in containers(objects):
        program, name, *rest = words_of(container)
        command = known[f"{program} {name}"]
        read = command.make_context(name, list(rest), resilient_parsing=True).params
        if name == "serve":
            assert read["listener"] == container["name"]
            assert container["name"] in [*map(str, Listener)]
        else:
            assert read["site"]


def test_the_settings_of_each_container_can_be_used(objects: Objects, tmp_path: Path) -> None:
    for container in containers(objects):
        given = {n: v for n, v in variables(container).items() if isinstance(v, str) and n != "ENGAGE_SITE_KEY_FILE"}
        settings = load_settings(None, {"ENGAGE_SYSTEM_CONFIG": "", **given}, {}, tmp_path)
        mounts = [each["mountPath"] for each in container["volumeMounts"]]
        if container["name"] != "init":
            assert settings.data_dir == Path("/var/lib/engage/data")
            assert str(settings.metrics_dir) in mounts
            assert str(settings.data_dir) in mounts
        for path in (variables(container).get("ENGAGE_RELEASE_KEY_FILE"), settings.operators_tls_key):
            assert path is None or str(Path(path).parent) in mounts


def test_data_outlive_the_pod(objects: Objects) -> None:
    (servers,) = of_kind(objects, "StatefulSet")
    spec = servers["spec"]
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    assert [each["metadata"]["name"] for each in spec["volumeClaimTemplates"]] == ["data"]
    for claim in of_kind(objects, "PersistentVolumeClaim"):
        assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
