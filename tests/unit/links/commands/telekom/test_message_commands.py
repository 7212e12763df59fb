"""``engage telekom sign`` and ``verify``."""

import datetime as dt
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from engage_server.pki.keys import private_key_pem
from engage_server.records import Secret
from tests.support.commands import engage, ok
from tests.support.hidden import run_without
from tests.support.signed_messages import NOW, certificate, party, signed, soap

AT = ("--at", NOW.isoformat())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of the portal (0) and of us (1), and messages of the portal."""
    for number, name in enumerate(("telekom", "own")):
        signer = party(number)
        (tmp_path / f"{name}.pem").write_bytes(signer.certificate.public_bytes(Encoding.PEM))
        (tmp_path / f"{name}.key").write_bytes(private_key_pem(signer.key, Secret(b"secret word")).reveal())
    begin = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    (tmp_path / "today.pem").write_bytes(certificate(party(1).key, "today", begin).public_bytes(Encoding.PEM))
    (tmp_path / "passphrase").write_text("secret word\n")
    (tmp_path / "call.xml").write_bytes(soap())
    (tmp_path / "signed.xml").write_bytes(signed())
    return tmp_path


def test_what_is_signed_is_accepted_now(folder: Path) -> None:
    assert engage(
        folder, "telekom", "sign", "call.xml", "out.xml", "--key", "own.key", "--certificate", "today.pem",
        "--passphrase-file", "passphrase",
    ).returncode == 0  # fmt: skip
    shown = ok(engage(folder, "telekom", "verify", "out.xml", "--certificate", "today.pem"))
    assert "M2MAdmResponse" in shown


def test_standard_streams(folder: Path) -> None:
    options = ("--key", "own.key", "--certificate", "today.pem", "--passphrase-file", "passphrase")
    done = engage(folder, "telekom", "sign", "-", "-", *options, stdin=soap())
    assert ok(done).startswith("<?xml")
    verified = engage(folder, "telekom", "verify", "-", "--certificate", "today.pem", stdin=done.stdout.encode())
    assert "accepted" in ok(verified)


def test_json_of_a_message_that_is_accepted(folder: Path) -> None:
    found = json.loads(
        ok(engage(folder, "telekom", "verify", "signed.xml", "--certificate", "telekom.pem", *AT, "--json"))
    )
    assert found["accepted"] is True
    assert found["messages"] == ["M2MAdmResponse"]
    assert found["created"] == NOW.isoformat()


def test_a_refusal_says_why(folder: Path) -> None:
    done = engage(folder, "telekom", "verify", "signed.xml", "--certificate", "telekom.pem")
    assert (done.returncode, done.stdout) == (1, "")
    assert "error [wsse.stale]: the message is refused: it has expired" in done.stderr
    shown = engage(folder, "telekom", "verify", "signed.xml", "--certificate", "own.pem", *AT, "--json")
    assert shown.returncode == 1
    assert json.loads(shown.stdout)["code"] == "wsse.token_not_pinned"


def test_either_of_two_certificates_will_do(folder: Path) -> None:
    both = ("--certificate", "own.pem", "--certificate", "telekom.pem")
    ok(engage(folder, "telekom", "verify", "signed.xml", *both, *AT))


def test_a_message_that_is_too_long_is_refused_as_such(folder: Path) -> None:
    (folder / "long.xml").write_bytes(b"<a>" + b" " * 300_000)
    done = engage(folder, "telekom", "verify", "long.xml", "--certificate", "telekom.pem")
    assert "error [wsse.too_large]" in done.stderr


@pytest.mark.parametrize(
    ("key", "certificate_file", "passphrase", "code"),
    [
        ("own.key", "telekom.pem", "passphrase", "private_key.invalid"),
        ("own.key", "own.pem", "call.xml", "private_key.invalid"),
        ("call.xml", "own.pem", "passphrase", "private_key.invalid"),
        ("own.key", "call.xml", "passphrase", "certificate.invalid"),
        ("none.key", "own.pem", "passphrase", "file.not_usable"),
    ],
)
def test_files_that_do_not_fit(folder: Path, key: str, certificate_file: str, passphrase: str, code: str) -> None:
    options = ("--key", key, "--certificate", certificate_file, "--passphrase-file", passphrase)
    done = engage(folder, "telekom", "sign", "call.xml", "out.xml", *options)
    assert f"[{code}]" in done.stderr
    assert "secret word" not in done.stderr
    assert not (folder / "out.xml").exists()


def test_a_signed_message_is_not_signed_twice(folder: Path) -> None:
    options = ("--key", "own.key", "--certificate", "own.pem", "--passphrase-file", "passphrase")
    done = engage(folder, "telekom", "sign", "signed.xml", "out.xml", *options)
    assert done.returncode == 2
    assert "has a Security header already" in done.stderr


@pytest.mark.parametrize("module", ["lxml", "signxml"])
def test_without_the_extra_it_says_what_to_install(folder: Path, module: str) -> None:
    options = ("--key", "own.key", "--certificate", "own.pem", "--passphrase-file", "passphrase")
    commands = (
        ("telekom", "sign", "call.xml", "out.xml", *options),
        ("telekom", "verify", "signed.xml", "--certificate", "own.pem"),
        ("telekom", "--help"),
        ("telekom", "verify", "--help"),
    )
    *failed, listed, shown = run_without([module], [], folder, *commands)
    for each in failed:
        assert each.status == 3
        assert f"error [not_installed]: this command needs {module}, which is not installed here" in each.err
        assert "next: pip install 'engage-server[telekom] @ PATH_OR_URL_OF_THE_REPOSITORY'" in each.err
    assert (listed.status, shown.status) == (0, 0)
    assert "sign" in listed.out
