"""The message token, against sha256sum and openssl: never against vectors of others."""

import json
import shutil
import subprocess

import pytest

from engage_server.links.kpn.message_token import is_genuine, message_token
from engage_server.records import Secret

BODY = b'[{"bn":"urn:dev:IMEI:490154203237518:","bt":1700000000},{"n":"door","v":1.500000}]'
SECRET = Secret(b"aB3" * 12)


def by_sha256sum(content: bytes) -> str:
    """The digest by coreutils."""
    return subprocess.run(["sha256sum"], input=content, capture_output=True, check=True).stdout.decode()[:64]


@pytest.mark.parametrize("body", [BODY, b"", b"\x00\xff\r\n", b"x" * 100_000])
def test_it_is_what_sha256sum_makes_of_body_and_secret(body: bytes) -> None:
    assert message_token(body, SECRET) == by_sha256sum(body + SECRET.reveal())


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")
def test_openssl_agrees() -> None:
    made = subprocess.run(["openssl", "dgst", "-sha256"], input=BODY + SECRET.reveal(), capture_output=True, check=True)
    assert made.stdout.decode().split()[-1] == message_token(BODY, SECRET)


@pytest.mark.skipif(shutil.which("node") is None, reason="no node here: its crypto module is one more witness")
def test_node_agrees() -> None:
    program = (
        "const c=require('crypto');const b=require('fs').readFileSync(0);"
        "console.log(c.createHash('sha256').update(b).update(process.argv[1]).digest('hex'))"
    )
    made = subprocess.run(
        ["node", "-e", program, SECRET.reveal().decode()], input=BODY, capture_output=True, check=True
    )
    assert made.stdout.decode().strip() == message_token(BODY, SECRET)


def test_a_body_that_was_written_again_has_another_token() -> None:
    """Why the raw bytes are hashed: 1.500000 becomes 1.5."""
    again = json.dumps(json.loads(BODY), separators=(",", ":")).encode()
    assert json.loads(again) == json.loads(BODY)
    assert not is_genuine((message_token(again, SECRET),), BODY, SECRET)


TOKEN = message_token(BODY, SECRET)


def test_the_right_token_is_genuine() -> None:
    assert is_genuine((TOKEN,), BODY, SECRET)


@pytest.mark.parametrize(
    "tokens",
    [
        pytest.param((), id="missing"),
        pytest.param(("",), id="empty"),
        pytest.param((TOKEN, TOKEN), id="doubled"),
        pytest.param((TOKEN, "x"), id="a second one"),
        pytest.param((f"{TOKEN}, {TOKEN}",), id="joined"),
        pytest.param((TOKEN.upper(),), id="upper case"),
        pytest.param((TOKEN[:-1],), id="cut off"),
        pytest.param((f"{TOKEN} ",), id="with a space"),
        pytest.param((TOKEN[:-1] + ("0" if TOKEN[-1] != "0" else "1"),), id="one digit changed"),
        pytest.param(("\ud800" + TOKEN,), id="half a surrogate"),
        pytest.param((message_token(SECRET.reveal(), Secret(BODY)),), id="secret first"),
        pytest.param((message_token(BODY, Secret(b"")),), id="without the secret"),
        pytest.param((message_token(BODY + b"\n", SECRET),), id="of another body"),
    ],
)
def test_any_other_is_not(tokens: tuple[str, ...]) -> None:
    assert not is_genuine(tokens, BODY, SECRET)
