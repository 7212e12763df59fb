"""Our login as a client, judged by npm's oidc-provider: an authorization server of somebody else."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engage_server.errors import Refused
from engage_server.links.sim.client.account import ContractAccount
from tests.support.checkout import ROOT
from tests.support.ports import free_port
from tests.support.sim.accounts import CLIENT_SECRET, ICCID, account_at
from tests.support.sim.prism import MAP
from tests.support.sim.raw import RawPeer, http

MODULES = ROOT / ".venv" / "share" / "browser-judges" / "node_modules"
SCRIPT = ROOT / "tests" / "support" / "sim" / "oauth_judge.mjs"
THING = http("200 OK", f'{{"iccid": "{ICCID}", "state": "ACTIVE"}}'.encode())


@contextmanager
def judge(way: str, secret: str = CLIENT_SECRET) -> Iterator[str]:
    """Serve, and give the address for tokens."""
    node = shutil.which("node")
    if node is None or not (MODULES / "oidc-provider").exists():
        pytest.skip("npm's oidc-provider is not installed: scripts/test --all installs it where there is npm")
    port = free_port()
    process = subprocess.Popen(
        [node, str(SCRIPT), str(MODULES), str(port), secret, way], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        assert b"ready" in process.stdout.readline()
        yield f"http://127.0.0.1:{port}/token"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def account(folder: Path, api: RawPeer, token_url: str, login: str) -> ContractAccount:
    there = folder / "map.toml"
    there.write_text(f"{MAP.read_text()}\n[login]\n{login}\n")
    return account_at(folder, api.url, operator_map=there, token_url=token_url, more='scope = "sims"')


@pytest.mark.parametrize(
    ("way", "login"), [("client_secret_basic", ""), ("client_secret_post", 'client_authentication = "body"')]
)
def test_a_token_is_given_to_a_secret_with_any_characters(tmp_path: Path, way: str, login: str) -> None:
    """The secret has a colon, a slash and spaces: RFC 6749 form-encodes it before Basic does."""
    with judge(way) as token_url, RawPeer(answer=lambda request: THING) as api:
        assert account(tmp_path, api, token_url, login).thing(ICCID).thing == ICCID
        assert b"Authorization: Bearer " in api.got[0]


def test_and_to_no_other_secret(tmp_path: Path) -> None:
    with judge("client_secret_basic", "another secret of the client") as token_url, RawPeer() as api:
        with pytest.raises(Refused, match="invalid_client") as raised:
            account(tmp_path, api, token_url, "").thing(ICCID)
        assert raised.value.code == "sim.login"
        assert api.got == []
