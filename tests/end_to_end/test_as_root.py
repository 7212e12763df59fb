"""Commands that root runs beside a service that is somebody else's: what they write, the service can read."""

import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from engage_server.protocol.site_key import write_site_key
from tests.support.chains import SITE_KEY
from tests.support.device_bodies import database
from tests.support.ports import free_port
from tests.support.running import RunningPair, engage, engage_as, engage_for, eventually, ok, running_pair
from tests.support.world import serial_of

SERVICE = 65534  # nobody, on every Linux

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may act for others")


@pytest.fixture
def folder() -> Iterator[Path]:
    """The service's own; not below pytest's, which is closed to others."""
    with tempfile.TemporaryDirectory(prefix="engage-service-") as made:
        path = Path(made)
        os.chown(path, SERVICE, SERVICE)
        engage_for(str(SERVICE))
        yield path


def init(folder: Path) -> None:
    (folder / "site.key").write_bytes(write_site_key(SITE_KEY))
    hosts = ("--host", "localhost", "--host", "127.0.0.1", "--site-key-file", "site.key")
    told = ok(engage(folder, "init", *hosts))
    assert "belong to its owner, nobody" in told
    (folder / "site.key").unlink()


def assert_all_the_services(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.suffix == ".log":  # the tests' own
            continue
        assert path.lstat().st_uid == SERVICE, path
        if path.name in ("engage.kek", "engage.db") or path.suffix == ".key":
            assert stat.S_IMODE(path.lstat().st_mode) == 0o600, path


def call(pair: RunningPair, method: str, path: str, body: object = None) -> str:
    content = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    return pair.raw_http(head.encode() + content).split(b" ")[1].decode()


def test_a_service_beside_an_operator_who_is_root(folder: Path) -> None:
    """``init``, imports, chains, releases: while the pair runs, and devices call in."""
    init(folder)
    assert_all_the_services(folder)
    serial, other = serial_of(1), serial_of(2)
    files = folder / "import" / serial
    files.mkdir(parents=True)
    (files / "database.json").write_text(json.dumps(database()))
    with running_pair(folder, "--workers", "1", user=str(SERVICE)) as pair:
        ok(engage(folder, "site", "call-in", "main", "--insecure-call-in"))
        ok(engage(folder, "device", "import", "import", "--site", "main"))
        shutil.rmtree(folder / "import")
        ok(engage(folder, "device", "add", other, "--site", "main"))
        ok(engage(folder, "chain", "build", "certs/next", "--host", "localhost", "--host", "127.0.0.1"))
        ok(engage(folder, "release", "stage", "certs/next", "--site", "main"))
        ok(engage(folder, "init"))
        ok(engage(folder, "site", "export-key", "main", "exported.key"))
        ok(engage(folder, "key", "export-release-key", "release.key"))
        for device in (serial, other):
            query = {"serialNumber": device}
            put = partial(call, pair, "PUT", "/swordfish/lock/Config", query)
            eventually(lambda put=put: put() == "200", "taken, once the worker has seen the change")  # type: ignore[misc]  # mypy knows no default in a lambda
            assert call(pair, "POST", "/swordfish/lock/audit", query | {"audits": [{"event": "0B07"}]}) == "201"
        assert call(pair, "PUT", "/swordfish/lock/Config", {"serialNumber": serial_of(3)}) == "404", "the control"
        assert_all_the_services(folder)
        assert "PermissionError" not in pair.log
        told = json.loads(engage(folder, "doctor", "--json").stdout)
        assert {each["level"] for each in told["checks"] if each["name"] == "files"} == {"ok"}


def test_the_control_a_file_of_roots_is_found_by_doctor(folder: Path) -> None:
    init(folder)
    (folder / "data" / "main").mkdir()
    (folder / "data" / "main" / "x.json").touch()
    done = engage(folder, "doctor", "--json")
    assert done.returncode == 1
    files = [each for each in json.loads(done.stdout)["checks"] if each["name"] == "files"]
    assert [each["level"] for each in files] == ["problem"]
    assert "is root, not nobody" in files[0]["sentence"]
    assert files[0]["next_step"] == f"chown -R nobody: {folder}/data"


def test_a_service_that_may_not_write_ends_with_3(folder: Path) -> None:
    init(folder)
    os.chown(folder / "data", 0, 0)
    (folder / "data").chmod(0o755)
    serve = ("serve", "http", "--bind", "127.0.0.1", "--http-port", str(free_port()))
    assert engage_as(str(SERVICE), folder, *serve) == 3
