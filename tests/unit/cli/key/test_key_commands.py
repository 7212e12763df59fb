"""``engage key check`` and ``engage key rotate``, as people and scripts see them."""

import json
from pathlib import Path

import pytest

from engage_server.composition.creation import create_installation
from engage_server.settings import load_settings
from engage_server.store.sealing import new_key_encryption_key
from tests.support.commands import engage, ok


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_installation(load_settings(None, {}, {}, tmp_path), {}).close()
    return tmp_path


def test_what_is_in_force(folder: Path) -> None:
    found = json.loads(ok(engage(folder, "key", "check", "--json")))
    assert (found["ok"], found["opens"], found["broken"], found["mode"]) == (True, True, [], "0600")
    assert found["source"] == f"file {folder / 'engage.kek'}"
    assert [each["key"] for each in found["accepted"]] == [found["key"]]
    text = (folder / "engage.kek").read_text().strip()
    shown = ok(engage(folder, "key", "check"))
    assert found["key"] in shown
    assert "opens 2 of 2 sealed values" in shown
    assert text not in shown + json.dumps(found)


def test_a_key_that_opens_nothing_is_an_answer(folder: Path) -> None:
    (folder / "engage.kek").write_bytes(new_key_encryption_key())
    done = engage(folder, "key", "check")
    assert (done.returncode, "it does not open this installation" in done.stdout) == (1, True)
    found = engage(folder, "key", "check", "--json")
    assert (found.returncode, json.loads(found.stdout)["sealed_values"]) == (1, None)
    (folder / "engage.kek").unlink()
    assert engage(folder, "key", "check").returncode == 2


def test_a_change_and_what_it_says(folder: Path) -> None:
    assert "is not being replaced" in ok(engage(folder, "key", "rotate", "--status"))
    done = ok(engage(folder, "key", "rotate", "--reason", "yearly"))
    assert "both keys are accepted" in done
    assert "keep a copy of the key apart from the database" in done
    entries = json.loads(ok(engage(folder, "audit", "show", "--json")))
    assert [(each["action"], each["reason"]) for each in entries] == [
        ("key:rotation-begun", "yearly"),
        ("key:rotation-ended", "yearly"),
    ]
    found = json.loads(ok(engage(folder, "key", "rotate", "--json")))
    assert (found["ok"], found["rotation"]) == (True, None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--new-key-file", "a", "--new-key-command", "b"), "are both given"),
        (("--new-key-command", "cat 'a"), "cannot be split"),
        (("--new-key-command", ""), "is empty"),
        (("--abort",), "no change of the key is open"),
        (("--finish-without", "gate-9"), "'gate-9' holds"),
    ],
)
def test_what_is_refused(folder: Path, options: tuple[str, ...], said: str) -> None:
    done = engage(folder, "key", "rotate", *options)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
