"""What the chart's containers run, run here: with their variables, nothing writable but their volumes, and PostgreSQL.

There is no cluster: a mount namespace stands in for each container. What is a volume there is a folder here.
"""

import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engage_server.protocol.site_key import write_site_key
from engage_server.store.sealing import new_key_encryption_key
from tests.support.chains import SITE_KEY
from tests.support.charts import VALUES, Objects, needs_helm, objects_in, of_kind, template, variables, words_of
from tests.support.commands import clean_environment
from tests.support.postgresql import PostgresServer
from tests.support.running import eventually, free_ports

SECRETS = {"engage-kek": "engage.kek", "engage-site-key": "campus.key"}
PORTS = ("8080", "8443", "8008")


def _may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run(["unshare", "-m", "mount", "--bind", "/mnt", "/mnt"], capture_output=True, check=False)
    return tried.returncode == 0


pytestmark = [
    needs_helm,
    pytest.mark.skipif(not _may_mount(), reason="this user may not make a mount namespace"),
    pytest.mark.long(
        "project/chart/test_policies.py: each container starts what exists, with settings that can be used"
    ),
]


class Cluster:
    """Folders for the volumes of one pod and its Job, and the ports that stand in for the pod's own."""

    def __init__(self, folder: Path, database: str) -> None:
        self._folder = folder
        self._database = database
        self.ports = dict(zip(PORTS, map(str, free_ports(3)), strict=True))
        for secret, name in SECRETS.items():
            (folder / secret).mkdir()
            content = new_key_encryption_key() if name == "engage.kek" else write_site_key(SITE_KEY)
            (folder / secret / name).write_bytes(content)
            (folder / secret / name).chmod(0o440)

    def started(self, pod: dict[str, Any], name: str) -> "subprocess.Popen[str]":
        """Start one container of a pod."""
        container = next(each for each in pod["containers"] if each["name"] == name)
        lines = ["mount -t tmpfs none /var/lib", "mount -t tmpfs none /run"]
        volumes = {each["name"]: each for each in pod["volumes"]}
        temporary = ""
        for mount in sorted(container["volumeMounts"], key=lambda each: str(each["mountPath"])):
            source, place = self._volume(volumes.get(mount["name"], mount)), mount["mountPath"]
            if place == "/tmp":
                place = temporary = "/var/lib/tmp"  # the real one holds this test
            lines += [f"mkdir -p {place}", f"mount --bind {source} {place}"]
            lines += [f"mount -o remount,bind,ro {place}"] * bool(mount.get("readOnly"))
        lines += ["mount -o remount,ro /var/lib", "mount -o remount,ro /run", "mount -o remount,bind,ro /"]
        lines += [f"cd {container.get('workingDir', '/var/lib/engage')}", 'exec "$@"']
        given = self._environment(container) | {"TMPDIR": temporary}
        program, *words = words_of(container)
        words = [str(Path(sys.executable).parent / program), *words]
        words = [*container["command"][: -len(words)], *words]
        return subprocess.Popen(
            ["unshare", "-m", "sh", "-ec", "; ".join(lines), "sh", *words],
            env={k: v for k, v in clean_environment().items() if not k.startswith("PYTHON")} | given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, pod: dict[str, Any], name: str) -> tuple[int, str]:
        """Run one container to its end: its status, and what it printed."""
        process = self.started(pod, name)
        output = process.communicate(timeout=120)[0]
        return process.returncode, output

    def _volume(self, volume: dict[str, Any]) -> Path:
        path = self._folder / str(volume["secret"]["secretName"] if "secret" in volume else volume["name"])
        path.mkdir(exist_ok=True)
        return path

    def _environment(self, container: dict[str, Any]) -> dict[str, str]:
        found = {"ENGAGE_BIND": "127.0.0.1"}
        for name, value in variables(container).items():
            if isinstance(value, str):
                found[name] = self.ports.get(value, value)
            elif value["secretKeyRef"]["key"] == "url":
                found[name] = self._database
            else:
                secret = self._folder / value["secretKeyRef"]["name"] / value["secretKeyRef"]["key"]
                found[name] = secret.read_text().strip()
        return found


@contextmanager
def serving(cluster: Cluster, pod: dict[str, Any]) -> Iterator[None]:
    """All containers of a pod, stopped as a cluster stops them."""
    with ExitStack() as stack:
        processes = [stack.enter_context(cluster.started(pod, each["name"])) for each in pod["containers"]]
        try:
            yield
        finally:
            for process in processes:
                process.send_signal(signal.SIGTERM)
            assert [process.wait(60) for process in processes] == [0, 0, 0]


def asks(cluster: Cluster, probe: dict[str, Any]) -> bool:
    """What the cluster does with a probe."""
    python, flag, text = probe["exec"]["command"]
    for inside, outside in cluster.ports.items():
        text = text.replace(inside, outside)
    done = subprocess.run([shutil.which(python) or sys.executable, flag, text], capture_output=True, check=False)
    return done.returncode == 0


def notice_of(cluster: Cluster) -> bytes:
    """What a device is answered first."""
    url = f"http://127.0.0.1:{cluster.ports['8080']}/swordfish/lock/certificates/current"
    request = urllib.request.Request(url, headers={"Host": "locks.example.org"})
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # our own server
        content: bytes = answer.read()
    return content


def _pod(objects: Objects, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = of_kind(objects, kind)[0]["spec"]["template"]["spec"]
    return found


def _rendered(name: str, folder: Path) -> Objects:
    return objects_in(template(next(each for each in VALUES if each.stem == name), folder).stdout)


def test_a_new_installation_is_made_served_and_not_made_again(tmp_path: Path, postgresql: PostgresServer) -> None:
    (tmp_path / "cluster").mkdir()
    cluster = Cluster(tmp_path / "cluster", url := postgresql.new_database())
    name_of_database = postgresql.name_of(url)
    first, later = _rendered("first-time", tmp_path), _rendered("only-needed", tmp_path)
    init_again = _pod(later, "Job")
    init_again["containers"][0]["command"][3] = "campus"  # as first-time calls it

    status, output = cluster.run(init_again, "init")
    assert (status, "lost its database" in output) == (2, True), output
    status, output = cluster.run(_pod(first, "Job"), "init")
    assert status == 0, output
    assert "random site key" not in output
    status, output = cluster.run(_pod(first, "Job"), "init")
    assert (status, "nothing to do" in output) == (0, True), output
    status, output = cluster.run(init_again, "init")
    assert (status, "nothing to do" in output) == (0, True), output
    assert (tmp_path / "cluster" / "authority" / "campus" / "partner_CA.key").exists(), "the first run's volume"

    pod = _pod(later, "StatefulSet")
    by_name = {each["name"]: each for each in pod["containers"]}
    with serving(cluster, pod):
        for name in ("http", "https"):
            eventually(partial(asks, cluster, by_name[name]["livenessProbe"]), f"{name} lives")
        eventually(lambda: asks(cluster, by_name["http"]["readinessProbe"]), "ready")
        notice = notice_of(cluster)
        assert b'"cert_url":"http://locks.example.org/certificates/' in notice
        kinds = "SELECT kind FROM sightings GROUP BY kind"
        eventually(lambda: "notice" in postgresql.ask(kinds, name_of_database), "what devices did is stored")
        eventually((tmp_path / "cluster" / "data" / "served.db").exists, "what devices are answered is copied")
    assert postgresql.ask(kinds, name_of_database) == "notice", "probes are no handshakes"

    with postgresql.away(url), serving(cluster, pod):  # a node of the cluster fails while the database is repaired
        for name in ("http", "https"):
            eventually(partial(asks, cluster, by_name[name]["livenessProbe"]), f"{name} lives")
        eventually(lambda: asks(cluster, by_name["http"]["readinessProbe"]), "ready")
        assert notice_of(cluster) == notice
