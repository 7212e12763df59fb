"""``engage alert`` on an installation, with receivers on real sockets."""

import json
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from tests.support.alert_peers.bad_mail import BadMail, saying
from tests.support.alert_peers.certificates import certified
from tests.support.alert_peers.raw_server import RawServer
from tests.support.alert_peers.receiver import Receiver, answering
from tests.support.commands import engage
from tests.support.installation import make_installation
from tests.support.ports import free_ports
from tests.support.running import ok

PASSWORD, URL = "canary-of-a-password", "https://localhost:{port}/services/canary-of-an-address"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_installation(tmp_path_factory.mktemp("alerts"))
    (folder / "password").write_text(f"{PASSWORD}\n")
    (folder / "ca.pem").write_text(certified().pem)
    return folder


@pytest.fixture
def folder(made: Path) -> Path:
    """Without recipients."""
    for each in json.loads(ok(engage(made, "alert", "list", "--json"))):
        ok(engage(made, "alert", "remove", each["recipient"]))
    return made


def listed(folder: Path) -> dict[str, dict[str, object]]:
    return {each["recipient"]: each for each in json.loads(ok(engage(folder, "alert", "list", "--json")))}


def add_mail(folder: Path, port: int, *more: str) -> subprocess.CompletedProcess[str]:
    here = ("--server", f"localhost:{port}", "--ca-file", "ca.pem", "--user", "doors@example.org")
    whom = ("--to", "Änna <anna@example.org>", "--password-file", "password")
    return engage(folder, "alert", "add", "mail", "anna", *whom, *here, *more)


def test_mail_from_adding_to_removing(folder: Path, tmp_path: Path) -> None:
    assert "nobody gets alerts" in ok(engage(folder, "alert", "list"))
    mail = BadMail(certified().context(tmp_path))
    with RawServer(mail) as server:
        added = add_mail(folder, server.port, "--site", "main", "--kind", "morning", "--reason", "ticket 7")
        assert added.returncode == 0, added.stderr
        assert "engage alert test anna" in added.stdout
        ok(engage(folder, "alert", "add", "mail", "bert", "--to", "bert@example.org", "--like", "anna"))
        for name in ("anna", "bert"):
            tested = engage(folder, "alert", "test", name)
            assert tested.returncode == 0, tested.stderr
            assert "was accepted" in tested.stdout and "spam" in tested.stdout
    assert [b"bert@example.org" in each for each in mail.mails] == [False, True]
    assert b"Subject: engage-server: test alert for anna" in mail.mails[0]
    anna, bert = listed(folder)["anna"], listed(folder)["bert"]
    assert (anna["to"], anna["sites"], anna["kinds"]) == ("Änna <anna@example.org>", ["main"], ["morning"])
    assert (bert["sites"], bert["kinds"], bert["off_since"]) == (None, [], None)
    shown = ok(engage(folder, "alert", "list"))
    assert "anna@example.org" in shown and "morning" in shown
    assert "no more alerts go to 'anna'" in ok(engage(folder, "alert", "remove", "anna"))
    assert set(listed(folder)) == {"bert"}


def test_what_happened_to_a_test_and_what_to_do(folder: Path, tmp_path: Path) -> None:
    ok(engage(folder, "alert", "add", "mail", "anna", "--to", "a@b.example", "--from", "c@d.example", *_open_server(1)))
    away = engage(folder, "alert", "test", "anna", "--json")
    assert away.returncode == 3
    assert json.loads(away.stdout)["outcome"] == "again"
    assert "does not answer" in away.stderr and "next: " in away.stderr
    ok(engage(folder, "alert", "remove", "anna"))
    mail = BadMail(certified().context(tmp_path), "recipient", saying(b"550 5.1.1 no such user\r\n"))
    with RawServer(mail) as server:
        ok(add_mail(folder, server.port))
        refused = engage(folder, "alert", "test", "anna")
    assert refused.returncode == 1
    assert "error [alert.refused]" in refused.stderr
    assert "550 5.1.1 no such user" in refused.stderr
    unknown = engage(folder, "alert", "test", "nobody")
    assert unknown.returncode == 2
    assert "engage alert list" in unknown.stderr


def test_a_webhook_gets_a_key_that_is_shown_once(folder: Path) -> None:
    receiver = Receiver()
    with RawServer(receiver) as server:
        url = ("--url", f"http://127.0.0.1:{server.port}/hook")
        outside = engage(folder, "alert", "add", "webhook", "ops", *url)
        assert outside.returncode == 2
        assert "--inside" in outside.stderr
        added = engage(folder, "alert", "add", "webhook", "ops", *url, "--inside")
        assert added.returncode == 0, added.stderr
        assert "without TLS" in added.stderr
        ok(engage(folder, "alert", "test", "ops"))
        receiver.answer = answering("410 Gone")
        gone = engage(folder, "alert", "test", "ops")
    assert gone.returncode == 1
    assert "410 Gone" in gone.stderr
    key = added.stdout.strip()
    got = receiver.got[0]
    assert Webhook(key).verify(got.body, got.fields)["type"] == "alert.test"
    assert key not in ok(engage(folder, "alert", "list")) + ok(engage(folder, "alert", "list", "--json"))


def test_one_that_was_switched_off_is_on_after_a_test_that_arrives(folder: Path) -> None:
    receiver = Receiver()
    with RawServer(receiver) as server:
        ok(engage(folder, "alert", "add", "webhook", "ops", "--url", f"http://127.0.0.1:{server.port}/", "--inside"))
        with sqlite3.connect(folder / "data" / "engage.db") as database:
            database.execute(
                "UPDATE alert_recipients SET off_since = '2026-11-01 00:00:00.000000', off_why = 'it is gone'"
            )
        database.close()
        assert "off since 2026-11-01" in ok(engage(folder, "alert", "list"))
        assert "ops is off: it is gone" in ok(engage(folder, "alert", "list"))
        assert "alerts go to 'ops' again" in ok(engage(folder, "alert", "test", "ops"))
    assert listed(folder)["ops"]["off_since"] is None


def test_chats_hide_their_address(folder: Path, tmp_path: Path) -> None:
    receiver = Receiver(context=certified().context(tmp_path))
    with RawServer(receiver) as server:
        (folder / "chat.url").write_text(URL.format(port=server.port) + "\n")
        for kind in ("slack", "teams"):
            chat = ("--url-file", "chat.url", "--inside", "--ca-file", "ca.pem")
            ok(engage(folder, "alert", "add", kind, kind, *chat))
            ok(engage(folder, "alert", "test", kind))
    assert [got.line for got in receiver.got] == ["POST /services/canary-of-an-address HTTP/1.1"] * 2
    assert listed(folder)["slack"]["to"] == f"localhost:{server.port}"
    piped = engage(
        folder, "alert", "add", "slack", "piped", "--url-file", "-", stdin=b"https://hooks.slack.com/services/T/B/X"
    )
    assert "hooks.slack.com" in ok(piped)


def test_a_command_is_run_for_each_alert(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = ("--run", "/bin/sh", "--", "-c", f"cat > {out}; printf ' %s' $ENGAGE_ALERT_KIND >> {out}")
    assert "/bin/sh" in ok(engage(folder, "alert", "add", "command", "pager", *run))
    ok(engage(folder, "alert", "test", "pager"))
    message, _, kind = out.read_text().rpartition(" ")
    assert kind == "test"
    assert json.loads(message)["data"]["subject"] == "engage-server: test alert for pager"


@pytest.mark.parametrize(
    "arguments",
    [
        ("mail", "a b", "--to", "a@b.c", "--from", "a@b.c", "--server", "h"),
        ("mail", "a", "--to", "a@b.c", "--from", "a@b.c"),
        ("mail", "a", "--to", "a@b.c", "--like", "nobody"),
        ("mail", "a", "--to", "a@b.c", "--server", "h", "--user", "u@b.c"),
        ("mail", "a", "--to", "a@b.c", "--from", "a@b.c", "--server", "h", "--site", "nowhere"),
        ("mail", "a", "--to", "a@b.c", "--from", "a@b.c", "--server", "h", "--kind", "test"),
        ("mail", "a", "--to", "a@b.c", "--from", "a@b.c", "--server", "h", "--ca-file", "password"),
        ("webhook", "a"),
        ("webhook", "a", "--url", "https://h/", "--url-file", "u"),
        ("webhook", "a", "--url", "https://h/?token=x"),
        ("webhook", "a", "--url", "http://169.254.169.254/", "--inside"),
        ("webhook", "a", "--url", "https://h.example/", "--secret-file", "password"),
        ("webhook", "a", "--url-file", "-", "--secret-file", "-"),
        ("slack", "a", "--url-file", "password"),
        ("command", "a", "--run", "no-such-program"),
    ],
)
def test_what_cannot_be_is_refused(folder: Path, arguments: tuple[str, ...]) -> None:
    done = engage(folder, "alert", "add", *arguments)
    assert done.returncode == 2, done.stderr
    assert "next: " in done.stderr or "Usage" in done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    assert not listed(folder)


def test_a_name_is_taken_once(folder: Path) -> None:
    add = ("alert", "add", "command", "log", "--run", "/bin/cat")
    ok(engage(folder, *add))
    again = engage(folder, *add)
    assert again.returncode == 2
    assert "error [alert.exists]" in again.stderr


@pytest.mark.long("it looks at what all tests above did, and the quick run leaves out some of these")
def test_nothing_shows_a_secret(made: Path) -> None:
    """After all that was done above. The files are the operator's own."""
    whole = "".join(
        ok(engage(made, *words)) for words in (("audit", "show"), ("audit", "show", "--json"), ("alert", "list"))
    )
    assert "alert:recipient-added" in whole and "alert:recipient-tested" in whole
    assert "canary-of" not in whole and "whsec_" not in whole
    for file in (made / "data").rglob("*"):
        assert not file.is_file() or b"canary-of" not in file.read_bytes(), f"{file}: it rests sealed"
    stored = sqlite3.connect(made / "data" / "engage.db")
    assert stored.execute("SELECT count(*) FROM audit_events WHERE action LIKE 'alert:%'").fetchone()[0] > 10
    stored.close()


def until_it_listens(port: int) -> None:
    until = time.monotonic() + 30
    while True:
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                return
        assert time.monotonic() < until
        time.sleep(0.05)


def _open_server(port: int) -> tuple[str, ...]:
    return ("--server", f"127.0.0.1:{port}", "--encryption", "none")


def test_the_receiver_of_the_docs_verifies(folder: Path, tmp_path: Path) -> None:
    page = (Path(__file__).parents[4] / "docs" / "alert-channels.md").read_text()
    (port,) = free_ports(1)
    code = page.partition("```python\n")[2].partition("```")[0].replace("8090", str(port))
    add = ("alert", "add", "webhook", "ops", "--url", f"http://127.0.0.1:{port}/", "--inside")
    made = engage(folder, *add)
    (tmp_path / "ops.secret").write_text(made.stdout)
    receiver = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with receiver:
        try:
            until_it_listens(port)
            ok(engage(folder, "alert", "test", "ops"))
            assert receiver.stdout is not None
            assert receiver.stdout.readline() == "engage-server: test alert for ops\n"
            ok(engage(folder, "alert", "remove", "ops"))
            ok(engage(folder, *add))  # with another key
            refused = engage(folder, "alert", "test", "ops")
            assert "401" in refused.stderr
        finally:
            receiver.terminate()
