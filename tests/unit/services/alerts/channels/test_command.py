"""Alerts to a program on this host: what it gets, what it does not get, and how it is ended."""

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any

import pytest

from engage_server.errors import UsageError
from engage_server.services.alerts.channel import TAKEN, Delivery, Outcome
from engage_server.services.alerts.channels.command import CommandChannel
from engage_server.services.alerts.channels.command_terms import CommandRequest, command_channel
from tests.support.alerts import entry

CANARY = "canary-of-an-installation"
SECRET = {
    "ENGAGE_KEY_ENCRYPTION_KEY": CANARY,
    "ENGAGE_DATABASE_URL": CANARY,
    "ENGAGE_RELEASE_KEY": CANARY,
    "PGPASSWORD": CANARY,
    "AWS_SECRET_ACCESS_KEY": CANARY,
    "CREDENTIALS_DIRECTORY": CANARY,
    "NOTIFY_SOCKET": CANARY,
    "LD_PRELOAD": "",
}
HERE = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}


def program(folder: Path, text: str, interpreter: str = sys.executable) -> str:
    file = folder / "program"
    file.write_text(f"#!{interpreter}\n{text}")
    file.chmod(0o755)
    return str(file)


def send(
    of: str, *arguments: str, seconds: float = 20, environment: Mapping[str, str] = HERE, **changed: Any
) -> Delivery:
    channel = CommandChannel(of, arguments, environment, time.monotonic, seconds)
    return channel.send(replace(entry(), **changed), lambda: True)


def test_it_gets_the_alert_and_nothing_of_ours(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    descriptor = os.open(tmp_path / "open", os.O_CREAT | os.O_WRONLY)
    os.set_inheritable(descriptor, True)  # even such a one is closed
    text = f"""import json, os, sys
descriptors = sorted(int(each) for each in os.listdir("/proc/self/fd"))
open({str(out)!r}, "w").write(json.dumps({{
    "message": json.load(sys.stdin), "arguments": sys.argv[1:], "variables": dict(os.environ), "folder": os.getcwd(),
    "descriptors": descriptors, "session": os.getsid(0) == os.getpid()}}))
"""
    try:
        delivery = send(program(tmp_path, text), "--", "$(id) `id` ;", environment={**HERE, **SECRET}, site="main")
    finally:
        os.close(descriptor)
    assert delivery == Delivery(Outcome.SENT)
    got = json.loads(out.read_text())
    assert CANARY not in str(got)
    assert got["arguments"] == ["--", "$(id) `id` ;"], "no shell has read them"
    assert got["message"]["type"] == "alert.morning"
    assert got["message"]["data"]["facts"] == {"doors": 3}
    assert set(got["variables"]) <= {*HERE, *(f"ENGAGE_ALERT_{each}" for each in ("ID", "KIND", "SITE", "SUBJECT"))}
    assert got["variables"]["ENGAGE_ALERT_ID"] == got["message"]["data"]["id"]
    assert got["variables"]["ENGAGE_ALERT_SITE"] == "main"
    assert (got["folder"], got["session"]) == ("/", True)
    assert got["descriptors"] == [0, 1, 2, 3], "the last one is its own look at them"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_runs_it_as_the_user_of_the_service() -> None:
    """The control: without one, it runs as root."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # pytest's own folders are root's alone
        _run_as_nobody(Path(folder))


def _run_as_nobody(tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    out.touch()
    out.chmod(0o666)
    text = f"import os; open({str(out)!r}, 'a').write(f'{{os.getuid()}} {{os.getgid()}} {{os.getgroups()}}\\n')"
    of = program(tmp_path, text, "/usr/bin/python3")
    for run_as in (None, (65534, 65534)):
        channel = CommandChannel(of, (), HERE, time.monotonic, run_as=run_as)
        assert channel.send(entry(), lambda: True) == Delivery(Outcome.SENT)
    assert out.read_text().splitlines()[-1] == "65534 65534 []"
    assert out.read_text().startswith("0 0")


def test_variables_are_on_one_line(tmp_path: Path) -> None:
    out = tmp_path / "out"
    of = program(tmp_path, f'printf %s "$ENGAGE_ALERT_SUBJECT" > {out}\n', "/bin/sh")
    assert send(of, message=replace(entry().message, subject="a\0b\nENGAGE_X=c\u2028d")).outcome is Outcome.SENT
    assert out.read_text() == "a b ENGAGE_X=c d"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("echo first; echo last words; exit 3", "ended with exit status 3: last words"),
        ("echo oops >&2; exit 1", "ended with exit status 1: oops"),
        ("exit 75", "ended with exit status 75"),
        ("kill -9 $$", "ended with signal 9"),
        ("printf '\\033[31mred\\nlast\\033[0m\\000'; exit 1", "ended with exit status 1: last [0m"),
        ("printf %01000d 1; exit 1", "ended with exit status 1: " + "0" * 200),
    ],
)
def test_another_exit_status_is_tried_again(tmp_path: Path, text: str, why: str) -> None:
    delivery = send(program(tmp_path, text, "/bin/sh"))
    assert delivery.outcome is Outcome.AGAIN
    assert delivery.why == f"the command {tmp_path}/program {why}"


@pytest.mark.parametrize(
    "text", ["exec sleep 30", "sleep 30 & wait", "trap '' TERM HUP; sleep 30", "exec yes", "exec >&-; sleep 30"]
)
def test_it_is_ended_in_time_with_all_that_it_started(tmp_path: Path, text: str) -> None:
    begun = monotonic()
    delivery = send(program(tmp_path, text, "/bin/sh"), seconds=0.5)
    assert delivery.outcome is Outcome.AGAIN
    assert "took more than 0.5 s" in delivery.why
    assert monotonic() - begun < 15


def test_what_it_leaves_running_is_ended_and_not_waited_for(tmp_path: Path) -> None:
    begun, mark = monotonic(), tmp_path / "mark"
    text = f"(sleep 1; touch {mark}) &\nexit 0\n"
    assert send(program(tmp_path, text, "/bin/sh")) == Delivery(Outcome.SENT)
    assert monotonic() - begun < 15
    sleep(1.5)
    assert not mark.exists()


def test_it_need_not_read_and_may_say_much(tmp_path: Path) -> None:
    of = program(tmp_path, "head -c 3000000 /dev/zero; exit 0", "/bin/sh")
    long = replace(entry().message, text="x" * 200_000)
    assert send(of, message=long) == Delivery(Outcome.SENT)


def test_somebody_else_has_it(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    channel = CommandChannel(program(tmp_path, f"touch {mark}", "/bin/sh"), (), HERE, time.monotonic)
    assert channel.send(entry(), lambda: False) == TAKEN
    assert not mark.exists()


def test_one_that_is_gone_is_tried_again(tmp_path: Path) -> None:
    delivery = send(str(tmp_path / "gone"))
    assert delivery.outcome is Outcome.AGAIN
    assert "cannot be started: No such file" in delivery.why


class TestTerms:
    """What an operator may say."""

    def test_its_whole_path_is_kept(self, tmp_path: Path) -> None:
        of = program(tmp_path, "exit 0", "/bin/sh")
        terms = CommandRequest("program", ["a b", "ü"], str(tmp_path)).terms()
        assert terms.secret is None
        assert terms.shown["program"] == of
        assert command_channel(terms.shown, HERE, time.monotonic).arguments == ["a b", "ü"]

    def test_what_is_refused(self, tmp_path: Path) -> None:
        of = Path(program(tmp_path, "exit 0", "/bin/sh"))
        folder = str(tmp_path)
        for named in ("nowhere", str(tmp_path / "nowhere"), folder, ""):
            with pytest.raises(UsageError) as error:
                CommandRequest(named, [], folder).terms()
            assert error.value.code == "alert.program"
        for arguments in (["a\0b"], ["x" * 10_000]):
            with pytest.raises(UsageError):
                CommandRequest(str(of), arguments, folder).terms()
        of.chmod(0o757)
        with pytest.raises(UsageError, match="every user of this host can change"):
            CommandRequest(str(of), [], folder).terms()
