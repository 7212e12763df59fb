"""The command that prints the key: without a shell, within its time, and without its output anywhere else."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engage_server.composition.keys.command import key_from_command
from engage_server.composition.keys.source import read_key
from engage_server.errors import EngageError, NotPossible, SettingsInvalid
from engage_server.settings import load_settings
from engage_server.store.sealing import new_key_encryption_key
from engage_server.variables import KEK_VARIABLE, KEY_COMMAND_VARIABLE, SITE_KEY_VARIABLE

KEY = new_key_encryption_key().decode().strip()
OTHER = new_key_encryption_key().decode().strip()
ENVIRONMENT = {"PATH": os.environ["PATH"]}


def script(folder: Path, body: str) -> str:
    """A program that stands for a vault's."""
    path = folder / "vault"
    path.write_text(f"#!{sys.executable}\nimport os, sys, time\n{body}\n")
    path.chmod(0o700)
    return str(path)


def test_what_it_prints_is_the_key(tmp_path: Path) -> None:
    vault = script(tmp_path, f"print({KEY!r} if sys.argv[1:] == ['kv get', '$HOME'] else 'x')")
    assert key_from_command((vault, "kv get", "$HOME"), ENVIRONMENT).reveal().strip().decode() == KEY
    assert key_from_command((vault, "kv", "get"), ENVIRONMENT).reveal().strip() == b"x", "no shell joins or expands"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("print(KEY); sys.exit(7)", "ended with status 7"),
        (
            "print(KEY); print('no login for', KEY, file=sys.stderr); sys.exit(1)",
            "ended with status 1: no login for ***",
        ),
        ("print('token', KEY[:40], file=sys.stderr); sys.exit(2)", "ended with status 2: token ***"),
        ("os.kill(os.getpid(), 9)", "was ended by signal 9"),
        ("pass", "printed nothing"),
        ("print(' \\n')", "printed nothing"),
        ("print(KEY * 1000)", "more than 4096 bytes"),
        ("sys.stdout.write('x' * 50_000_000)", "more than 4096 bytes"),
        ("print(KEY, flush=True); time.sleep(60)", "took longer than 1 s"),
    ],
)
def test_a_failure_says_why_without_the_key(tmp_path: Path, body: str, said: str) -> None:
    vault = script(tmp_path, f"KEY = {KEY!r}\n{body}")
    begun = time.monotonic()
    with pytest.raises(NotPossible) as caught:
        key_from_command((vault,), ENVIRONMENT, 1 if "sleep" in body else 30)
    assert time.monotonic() - begun < 30
    text = f"{caught.value} {caught.value.next_step}"
    assert said in text
    assert vault in text
    assert KEY[:40] not in text
    assert caught.value.code == "key.command"


def test_what_it_left_running_does_not_keep_us(tmp_path: Path) -> None:
    """A program in the background holds the pipe; it is ended, too."""
    body = f"print({KEY!r}, flush=True)\nif os.fork() == 0:\n    time.sleep(300)"
    begun = time.monotonic()
    assert key_from_command((script(tmp_path, body),), ENVIRONMENT).reveal().strip().decode() == KEY
    assert time.monotonic() - begun < 60


def test_one_that_cannot_be_run(tmp_path: Path) -> None:
    with pytest.raises(NotPossible, match="cannot be run: No such file"):
        key_from_command((str(tmp_path / "nowhere"),), ENVIRONMENT)
    with pytest.raises(NotPossible, match="NUL"):
        key_from_command(("echo", "a\0b"), ENVIRONMENT)


def test_it_gets_the_environment_without_our_secrets(tmp_path: Path) -> None:
    vault = script(tmp_path, "print(*sorted(name for name in os.environ if 'ENGAGE' in name or 'BAO' in name))")
    given = {**ENVIRONMENT, "BAO_TOKEN": "t", KEK_VARIABLE: KEY, SITE_KEY_VARIABLE: "s", "ENGAGE_BIND": "::"}
    assert key_from_command((vault,), given).reveal().split() == [b"BAO_TOKEN", b"ENGAGE_BIND"]


class TestSettings:
    """The setting, and the other sources beside it."""

    def test_words_in_the_file_and_in_the_environment(self, tmp_path: Path) -> None:
        (tmp_path / "engage.toml").write_text('key_encryption_key_command = ["bin/vault", "a b", "$c"]\n')
        words = load_settings(None, {}, {}, tmp_path).key_encryption_key_command
        assert words == (str(tmp_path / "bin" / "vault"), "a b", "$c")
        set_there = {KEY_COMMAND_VARIABLE: "pass show 'our key' \"$c\""}
        words = load_settings(None, set_there, {}, tmp_path).key_encryption_key_command
        assert words == ("pass", "show", "our key", "$c")
        assert load_settings(None, {KEY_COMMAND_VARIABLE: ""}, {}, tmp_path).key_encryption_key_command == ()
        for wrong in ("[1]", '[""]', "7", "true"):
            (tmp_path / "engage.toml").write_text(f"key_encryption_key_command = {wrong}\n")
            with pytest.raises(SettingsInvalid, match="it must be a list of words"):
                load_settings(None, {}, {}, tmp_path)
        with pytest.raises(SettingsInvalid, match="it must be a list of words"):
            load_settings(None, {KEY_COMMAND_VARIABLE: "pass 'show"}, {}, tmp_path)

    def test_it_is_the_source_and_others_must_agree(self, tmp_path: Path) -> None:
        vault = script(tmp_path, f"print({KEY!r})")
        settings = load_settings(None, {KEY_COMMAND_VARIABLE: vault}, {}, tmp_path)
        assert str(read_key(settings, ENVIRONMENT).source) == f"command {vault}"
        read_key(settings, {**ENVIRONMENT, KEK_VARIABLE: KEY})
        (tmp_path / "engage.kek").write_text(f"{KEY}\n")
        read_key(settings, ENVIRONMENT)
        (tmp_path / "engage.kek").write_text(OTHER)
        for environment in (ENVIRONMENT, {**ENVIRONMENT, KEK_VARIABLE: OTHER}):
            with pytest.raises(SettingsInvalid, match="prints another key than") as caught:
                read_key(settings, environment)
            assert caught.value.code == "secret.given_twice"
            assert not any(each in f"{caught.value} {caught.value.next_step}" for each in (KEY, OTHER))

    def test_a_text_that_is_no_key_is_not_repeated(self, tmp_path: Path) -> None:
        vault = script(tmp_path, "print('the wrong drawer')")
        settings = load_settings(None, {KEY_COMMAND_VARIABLE: vault}, {}, tmp_path)
        with pytest.raises(EngageError, match="not a key-encryption key") as caught:
            read_key(settings, ENVIRONMENT)
        assert "drawer" not in f"{caught.value} {caught.value.next_step}"


@pytest.mark.skipif(shutil.which("systemd-creds") is None, reason="needs systemd-creds")
def test_the_recipe_with_systemd_creds(tmp_path: Path) -> None:
    """The real one. Here without the key of a machine, because a test must not make one."""
    sealed = tmp_path / "engage-kek.cred"
    encrypt = ["systemd-creds", "encrypt", "--with-key=tpm2-absent", "--name=engage-kek", "-", str(sealed)]
    done = subprocess.run(encrypt, input=KEY.encode(), capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"systemd-creds seals nothing here: {done.stderr.decode()[:200]}")
    command = ("systemd-creds", "decrypt", "--name=engage-kek", str(sealed), "-")
    settings = load_settings(None, {KEY_COMMAND_VARIABLE: " ".join(command)}, {}, tmp_path)
    assert read_key(settings, ENVIRONMENT).source.name == "systemd-creds"
    sealed.write_bytes(sealed.read_bytes()[:40])
    with pytest.raises(NotPossible, match="systemd-creds for the key-encryption key ended with status"):
        read_key(settings, ENVIRONMENT)
