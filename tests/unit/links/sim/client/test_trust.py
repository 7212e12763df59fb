"""Whom an account trusts: the CAs that its table names, or those of this machine. And what the log says of a call."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from engage_server.errors import UpstreamAway
from engage_server.links.sim.operations import Operation
from tests.support.installation import make_installation
from tests.support.partner import Partner
from tests.support.sim.accounts import CLIENT_SECRET, ICCID, account_at
from tests.support.sim.raw import RawPeer, http

# the answer to a call for a token, and to one for a SIM
BOTH = http("200 OK", f'{{"access_token": "t", "iccid": "{ICCID}", "state": "ACTIVE"}}'.encode())


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_installation(tmp_path_factory.mktemp("trust")) / "certs" / "main"


@pytest.fixture
def secure(chain: Path) -> Iterator[Partner]:
    partner = Partner(raw=BOTH, tls_from=chain).start()
    yield partner
    partner.stop()


def test_a_ca_that_the_table_names_is_trusted(tmp_path: Path, secure: Partner, chain: Path) -> None:
    account = account_at(tmp_path, secure.url, more=f'trust_file = "{chain / "partner_CA.pem"}"')
    assert account.thing(ICCID).thing == ICCID


def test_and_no_other(tmp_path: Path, secure: Partner) -> None:
    account = account_at(tmp_path, secure.url)
    with pytest.raises(UpstreamAway, match="TLS failed"):
        account.thing(ICCID)
    assert secure.got == []


def test_no_secret_is_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with RawPeer() as peer:
        account = account_at(tmp_path, peer.url)
        tunnel = {"network": "n1", "peer": "192.0.2.1", "local_networks": ["a"], "remote_networks": ["b"]}
        account.act(Operation.TUNNELS_ADD, {**tunnel, "shared_secret": "canary-of-a-tunnel-0123456789"})
        account.act(Operation.SMS_SEND, {"thing": ICCID, "text": "canary-of-an-sms"})
        assert b"canary-of-an-sms" in peer.got[-1]  # the control: it was sent
    assert "POST" in caplog.text  # and something was logged
    assert "canary" not in caplog.text
    assert CLIENT_SECRET not in caplog.text
