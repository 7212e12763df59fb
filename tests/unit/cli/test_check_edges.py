"""``engage chain check`` at its edges: places of reports, empty folders, numbers, keys beside a chain."""

import base64
import json
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from engage_server.cli.root import engage as program
from engage_server.pki import encodings
from tests.support.chains import HOSTS, NOW, good_chain
from tests.support.commands import ENGAGE, clean_environment, engage
from tests.support.refusals import error

AT = ("--at", NOW.isoformat())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A chain in a file, its key in PEM and in DER, and a folder in which nothing is a chain."""
    built = good_chain()
    (tmp_path / "chain.pem").write_bytes(
        encodings.pem((built.chain.server, *built.chain.intermediates, built.chain.root))
    )
    (tmp_path / "key.pem").write_bytes(_key(built.server_key, Encoding.PEM))
    (tmp_path / "key.der").write_bytes(_key(built.server_key, Encoding.DER))
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "readme.txt").write_text("nothing")
    return tmp_path


def _key(key: rsa.RSAPrivateKey, encoding: Encoding) -> bytes:
    return key.private_bytes(encoding, PrivateFormat.PKCS8, NoEncryption())


def codes(report: str) -> list[list[str]]:
    """Of each target."""
    return [[finding["code"] for finding in target["findings"]] for target in json.loads(report)["targets"]]


def test_a_folder_without_a_chain_is_told_beside_a_fine_one(folder: Path) -> None:
    done = engage(folder, "chain", "check", "empty", "chain.pem", "--format", "json", *AT)
    assert (done.returncode, codes(done.stdout)) == (3, [["content.no_certificate"], []])
    alone = engage(folder, "chain", "check", "empty", "--format", "junit", "--output", "report.xml", *AT)
    assert alone.returncode == 3
    assert 'failures="1"' in (folder / "report.xml").read_text(), "a pipeline has something to show"
    assert engage(folder, "chain", "check", "chain.pem", *AT).returncode == 0, "the control"


def test_a_report_leaves_a_pipe_a_pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    reader = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        done = engage(folder, "chain", "check", "chain.pem", "--output", "pipe", "--format", "json", *AT)
        assert (done.returncode, codes(os.read(reader, 1 << 16).decode())) == (0, [[]])
    finally:
        os.close(reader)
    assert stat.S_ISFIFO((folder / "pipe").lstat().st_mode)


def test_a_dash_is_standard_output(folder: Path) -> None:
    done = engage(folder, "chain", "check", "chain.pem", "--output", "-", "--format", "json", *AT)
    assert (done.returncode, codes(done.stdout)) == (0, [[]])
    assert not (folder / "-").exists()


@pytest.mark.parametrize("place", [".", "/", ""])
def test_a_report_cannot_become_a_folder(place: str, folder: Path) -> None:
    error(engage(folder, "chain", "check", "chain.pem", "--output", place, *AT), 3, "file.not_usable", "is a folder")


@pytest.mark.parametrize("key", ["key.pem", "key.der"])
def test_the_next_step_names_the_key_that_was_named(key: str, folder: Path) -> None:
    done = engage(folder, "chain", "check", "chain.pem", key, *AT)
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith(f"release stage chain.pem {key}\n")


def test_a_der_key_of_somebody_else_is_found(folder: Path) -> None:
    stranger = good_chain("strangers").server_key
    (folder / "key.der").write_bytes(_key(stranger, Encoding.DER))
    done = engage(folder, "chain", "check", "chain.pem", "key.der", "--format", "json", *AT)
    assert (done.returncode, codes(done.stdout)) == (1, [["key.mismatch"]])


def test_a_file_that_a_server_would_send_is_counted_whole(folder: Path) -> None:
    """certbot's fullchain.pem, named alone or piped: what stands in it twice is sent twice."""
    chain = good_chain().chain
    root = folder / "root.pem"
    root.write_bytes(encodings.pem((chain.root,)))
    twice = encodings.pem((chain.server, *chain.intermediates, *chain.intermediates))
    (folder / "fullchain.pem").write_bytes(twice)
    sizes = {each: len(encodings.der(each)) for each in chain}
    expected = sum(sizes.values()) + sizes[chain.intermediates[0]]
    for target in ("fullchain.pem", "-"):
        done = engage(folder, "chain", "check", target, "--anchor", root, "--format", "json", *AT, stdin=twice)
        (found,) = json.loads(done.stdout)["targets"]
        assert "sent.twice" in {finding["code"] for finding in found["findings"]}
        assert found["total_der_bytes"] == expected


def test_links_in_a_circle_are_not_called_missing(folder: Path) -> None:
    (folder / "loop.pem").symlink_to("loop.pem")
    done = engage(folder, "chain", "check", "loop.pem", "gone/chain.pem", *AT)
    assert done.returncode == 3
    assert "loop.pem: it cannot be read: Too many levels of symbolic links" in done.stdout
    assert "gone/chain.pem: no such file or folder" in done.stdout


def test_streams_that_were_closed_are_empty_ones(folder: Path) -> None:
    closed = f"cd {folder}; {{}} chain check - <&-; {{}} chain check - >&- 2>&- <&-; echo $?"
    done = subprocess.run(
        ["sh", "-c", closed.format(ENGAGE, ENGAGE)],
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment(),
    )
    assert "-: it is empty" in done.stdout
    assert (done.stdout.endswith("\n3\n"), done.stderr) == (True, "")


def test_a_secret_is_not_waited_for_without_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engage_server.files.reading.PIPE_SECONDS", 0.05)
    os.mkfifo(folder / "pipe")
    done = engage(folder, "chain", "check", "chain.pem", "--passphrase-file", "pipe", *AT)
    error(done, 3, "file.not_usable", "nothing came out of it")


def test_every_number_has_two_ends() -> None:
    """One of twenty digits fails as a date, or in the database, with a traceback."""
    unbounded = {
        f"{command.name} {parameter.name}"
        for command in _commands(program, click.Context(program))
        for parameter in command.params
        if isinstance(parameter.type, click.IntRange) and None in (parameter.type.min, parameter.type.max)
    }
    assert unbounded == set()


def test_a_chain_and_its_key_as_a_secret_of_kubernetes_holds_them(folder: Path) -> None:
    for name in ("chain.pem", "key.pem"):
        (folder / f"{name}.b64").write_bytes(base64.b64encode((folder / name).read_bytes()))
    done = engage(folder, "chain", "check", "chain.pem.b64", "key.pem.b64", "--format", "json", *AT)
    assert (done.returncode, codes(done.stdout)) == (0, [[]])
    (folder / "key.pem.b64").write_bytes(base64.b64encode(_key(rsa.generate_private_key(65537, 2048), Encoding.PEM)))
    done = engage(folder, "chain", "check", "chain.pem.b64", "key.pem.b64", "--format", "json", *AT)
    assert (done.returncode, codes(done.stdout)) == (1, [["key.mismatch"]]), "the control"


def test_a_number_that_is_too_large_is_wrong_usage(folder: Path) -> None:
    for arguments in (("chain", "check", "chain.pem", "--warn-days", "9" * 20), ("release", "show", "9" * 20)):
        done = engage(folder, *arguments)
        assert (done.returncode, "is not in the range" in done.stderr) == (2, True), done.stderr
    (folder / "engage.toml").write_text(f"[check]\nwarn_days = {'9' * 15}\n")
    error(
        engage(folder, "chain", "check", "chain.pem"), 2, "settings.invalid", "warn_days must be a whole number up to"
    )


def _commands(command: click.Command, context: click.Context) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _commands(below, click.Context(below, parent=context))


HOST = ("--host", HOSTS[0].text)


def last(done: subprocess.CompletedProcess[str]) -> str:
    """The line that says what to do next."""
    return done.stdout.splitlines()[-1]


def test_warnings_that_count_as_errors_are_the_next_step(folder: Path) -> None:
    warned = ("chain", "check", "chain.pem", *HOST, *AT, "--warn-days", "3000")
    done = engage(folder, *warned, "--strict")
    assert (done.returncode, last(done)[:28]) == (1, "next: fix the warnings above")
    assert "release stage" in last(engage(folder, *warned)), "the control: it may be served with the warning"


@pytest.mark.parametrize("leave_out", [("--ignore", "san,server"), ("--select", "validity")])
def test_an_error_that_was_left_out_is_not_forgotten(leave_out: tuple[str, str], folder: Path) -> None:
    """It keeps the release from going live, so nobody is sent to stage it."""
    done = engage(folder, "chain", "check", "chain.pem", "--host", "lock.example.org", *AT, *leave_out)
    assert done.returncode == 0
    assert "fine: nothing else found" in done.stdout
    assert last(done).startswith("next: check again without --ignore and --select: an error")
    only_a_note = engage(folder, "chain", "check", "chain.pem", *HOST, *AT, *leave_out)
    assert "release stage" in last(only_a_note), "the control"


def test_a_check_without_a_host_says_that_it_compared_none(folder: Path) -> None:
    said = "hosts were not compared: name those that devices call with --host"
    assert said in engage(folder, "chain", "check", "chain.pem", *AT).stdout.splitlines()
    assert said not in engage(folder, "chain", "check", "chain.pem", *HOST, *AT).stdout
    assert said not in engage(folder, "chain", "check", "nothing.pem", *AT).stdout, "nothing was judged"
    for named, lines in (((), 2), (HOST, 1)):
        annotated = engage(folder, "chain", "check", "chain.pem", *named, *AT, "--format", "github").stdout.splitlines()
        assert annotated[-1].startswith("1 chain: 0 errors, ")
        assert sum(said in line for line in annotated) == lines - 1


def test_where_only_a_check_is_installed_nobody_is_sent_to_a_command_that_is_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engage_server.cli.chain.check_next.find_spec", lambda _name: None)
    done = engage(folder, "chain", "check", "chain.pem", "key.pem", *HOST, *AT)
    assert last(done) == "next: on the server: engage release stage chain.pem key.pem"
    without_key = engage(folder, "chain", "check", "chain.pem", *HOST, *AT)
    assert "the server can serve a chain: engage release stage" in last(without_key)
