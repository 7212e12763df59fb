"""A retired release's key is gone from the database; the files that still hold it are named, and none is removed."""

import json
import shlex
from pathlib import Path

from engage_server.pki.keys import generate_key, private_key_pem
from engage_server.records import Secret
from tests.support.chains import HOSTS
from tests.support.commands import engage, ok

HOST_OPTIONS = [text for host in HOSTS for text in ("--host", host.text)]


def replace_first_release(folder: Path) -> None:
    """Release 2 under another root is served, release 1 is former."""
    ok(engage(folder, "chain", "build", "certs/two", *HOST_OPTIONS))
    ok(engage(folder, "release", "stage", "certs/two"))
    ok(engage(folder, "release", "activate", 2, "--yes"))


def test_retire_names_the_files_and_staging_warns(installation: Path) -> None:
    key = installation / "certs/main/partner_server.key"
    replace_first_release(installation)
    copy = installation / "certs/elsewhere/deeper/copy.pem"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(key.read_bytes())
    (copy.parent / "broken.key").write_bytes(b"-----BEGIN PRIVATE KEY-----\nno\n")
    (copy.parent / "locked.key").write_bytes(private_key_pem(generate_key(), Secret(b"phrase")).reveal())
    done = engage(installation, "release", "retire", 1, "--yes")
    assert "is retired: its private key is destroyed in the database" in ok(done)
    assert f"warning: {key} still holds the same private key" in done.stderr
    step = done.stdout.splitlines()[-1].removeprefix("next: ")
    assert shlex.split(step) == ["rm", str(copy), str(key)]
    assert key.exists() and copy.exists()
    assert "two" not in step and "broken" not in done.stderr and "locked" not in done.stderr
    staged = engage(installation, "release", "stage", "certs/main")
    assert "warning: this is the private key of release 1 of main, which is retired for good" in staged.stderr
    ok(engage(installation, "chain", "build", "certs/three", *HOST_OPTIONS))
    other = engage(installation, "release", "stage", "certs/three")
    assert "retired" not in other.stderr, "the control"


def test_without_a_copy_there_is_nothing_to_remove(installation: Path) -> None:
    replace_first_release(installation)
    (installation / "certs/main/partner_server.key").unlink()
    done = engage(installation, "release", "retire", 1, "--yes", "--json")
    assert json.loads(ok(done))["key_files"] == []
    assert "still holds" not in done.stderr


def test_drop_names_them_too(installation: Path) -> None:
    ok(engage(installation, "chain", "build", "certs/two", *HOST_OPTIONS))
    ok(engage(installation, "release", "stage", "certs/two"))
    done = ok(engage(installation, "release", "drop", 2, "--json"))
    assert json.loads(done)["key_files"] == [str(installation / "certs/two/partner_server.key")]


def test_a_key_that_another_release_needs_is_left_alone(installation: Path) -> None:
    """Both chains of a new root have one server key: to remove its file would be wrong while one of them is served."""
    ok(engage(installation, "rotate", "start", "--way", "linked-rekey"))
    for _ in range(2):
        ok(engage(installation, "rotate", "approve", "--reason", "trial", "--yes"))
    done = engage(installation, "release", "retire", 2, "--yes")
    assert "next: rm" not in ok(done)
    assert "warning: release 3 of main has the same private key, and keeps it" in done.stderr
    first = json.loads(ok(engage(installation, "release", "retire", 1, "--yes", "--json")))
    assert first["key_files"] == [str(installation / "certs/main/partner_server.key")], "the control"
    assert first["key_kept_by"] == []
