"""What a ClientHello may choose: costly groups are refused, what devices need is accepted, as real clients see it."""

import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from tests.support.alone import Alone, instance_alone
from tests.support.hello_client import Hello, HelloClient, recorded_hello
from tests.support.running import RunningPair, clean_environment, eventually
from tests.support.strangers import Target

FINITE_FIELD = ("ffdhe2048", "ffdhe3072", "ffdhe4096", "ffdhe6144", "ffdhe8192")
OTHER_CURVES = ("P-521", "X448")
NEEDED = ("X25519", "P-256", "P-384")


def openssl(port: int, *options: str) -> bool:
    """Whether ``openssl s_client`` comes to the end of a handshake."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-brief", *options]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode == 0 and "CONNECTION ESTABLISHED" in done.stderr


@contextmanager
def tls_instance_alone(folder: Path, **environment: str) -> Iterator[Alone]:
    """``engage serve https`` without a supervisor, once it serves and for as long as it does."""
    with instance_alone(folder, "https", **environment) as alone:
        eventually(lambda: openssl(alone.port, "-tls1_3", "-groups", "P-256"), "it serves")
        yield alone
        assert alone.process.poll() is None


def gnutls(port: int, priority: str) -> bool:
    """The same of ``gnutls-cli``."""
    command = ["gnutls-cli", "--insecure", "--port", str(port), "--priority", priority, "127.0.0.1"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
    assert "Error parsing" not in done.stderr, done.stderr
    return "Handshake was completed" in done.stdout


@pytest.mark.parametrize("group", [*FINITE_FIELD, *OTHER_CURVES])
def test_tls_1_3_refuses_a_costly_group(shared_pair: RunningPair, group: str) -> None:
    assert not openssl(shared_pair.https_port, "-tls1_3", "-groups", group)
    assert openssl(shared_pair.https_port, "-tls1_3", "-groups", f"{group}:P-256"), "another one is asked for instead"


@pytest.mark.parametrize("group", NEEDED)
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_the_groups_that_devices_need(shared_pair: RunningPair, group: str, version: str) -> None:
    assert openssl(shared_pair.https_port, version, "-groups", group)


@pytest.mark.parametrize("cipher", ["AES128-SHA", "AES256-SHA256", "AES128-GCM-SHA256"])
def test_rsa_key_exchange_stays(shared_pair: RunningPair, cipher: str) -> None:
    assert openssl(shared_pair.https_port, "-tls1_2", "-cipher", cipher)


@pytest.mark.parametrize("cipher", ["DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-SHA"])
def test_tls_1_2_has_no_finite_field_either(shared_pair: RunningPair, cipher: str) -> None:
    assert not openssl(shared_pair.https_port, "-tls1_2", "-cipher", cipher)


def test_a_curve_that_is_not_offered_leaves_tls_1_2_its_rsa_key_exchange(shared_pair: RunningPair) -> None:
    assert not openssl(shared_pair.https_port, "-tls1_2", "-groups", "P-521", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256")
    assert openssl(shared_pair.https_port, "-tls1_2", "-groups", "P-521", "-cipher", "AES128-SHA")


@pytest.mark.parametrize(
    ("groups", "is_served"),
    [
        ("+GROUP-FFDHE2048", False),
        ("+GROUP-FFDHE8192", False),
        ("+GROUP-SECP521R1", False),
        ("+GROUP-FFDHE8192:+GROUP-SECP256R1", True),
        ("+GROUP-SECP256R1", True),
        ("+GROUP-SECP384R1", True),
        ("+GROUP-X25519", True),
    ],
)
def test_gnutls_sees_the_same(shared_pair: RunningPair, groups: str, is_served: bool) -> None:
    if shutil.which("gnutls-cli") is None:
        pytest.skip("gnutls-cli is not installed (Debian: gnutls-bin)")
    assert gnutls(shared_pair.https_port, f"NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:{groups}") == is_served


def test_the_legacy_profile_limits_groups_as_well(legacy_pair: RunningPair) -> None:
    assert not openssl(legacy_pair.https_port, "-tls1_3", "-groups", "ffdhe2048")
    for hello in (Hello("TLSv1", ciphers="AES128-SHA"), Hello("TLSv1.1", groups="P-384"), Hello("TLSv1")):
        client = HelloClient(hello)
        assert client.handshake(legacy_pair.https_port), hello
        client.close()


def test_the_tls_instance_alone_limits_them_too(installation: Path) -> None:
    """Started by a service manager: it starts anew under the same process number."""
    with tls_instance_alone(installation) as alone:
        assert not openssl(alone.port, "-tls1_3", "-groups", "ffdhe2048")


def test_an_operators_own_openssl_conf_stays_and_is_warned_of(installation: Path) -> None:
    """The negative control: without our list, the costly groups are there."""
    own = installation / "own.cnf"
    own.write_text("# nothing\n")
    with tls_instance_alone(installation, OPENSSL_CONF=str(own)) as alone:
        assert openssl(alone.port, "-tls1_3", "-groups", "ffdhe2048")
        eventually(lambda: "next: Add 'Groups = X25519:P-256:P-384'" in alone.log, "said at the start")


@pytest.mark.parametrize(
    ("groups", "limited"), [("X25519:P-256:P-384", True), ("P-521", True), ("P-256:ffdhe2048", False)]
)
def test_limits_are_seen_in_the_process_itself(tmp_path: Path, groups: str, limited: bool) -> None:
    file = tmp_path / "openssl.cnf"
    file.write_text(f"openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nGroups = {groups}\n")
    program = "from engage_server.serving.tls_groups import are_limited; print(are_limited())"
    environment = {**clean_environment(), "OPENSSL_CONF": str(file)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(limited)


def test_a_device_does_not_wait_behind_a_strangers_hellos(installation: Path) -> None:
    """A stranger's four hundred hellos are there first; a device at another address is served among the first."""
    hello = recorded_hello(Hello(groups="P-384"))
    with tls_instance_alone(installation) as alone, ExitStack() as stack:
        target = Target(0, alone.port)
        connections = [stack.enter_context(closing(target.dial(secure=True))) for _ in range(400)]
        for each in connections:
            each.sendall(hello)
        assert HelloClient(Hello()).handshake(alone.port)
        answered = select.poll()
        for each in connections:
            answered.register(each, select.POLLIN)
        assert len(answered.poll(0)) < 200, "of four hundred that came before"
        for each in connections:
            each.settimeout(20)
            assert each.recv(1), "and they are answered, too"
