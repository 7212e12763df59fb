"""Whose certificate a partner's system may have: what the operator named, whichever Python runs this."""

import ssl
from collections.abc import Callable, Iterator
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from engage_server.errors import UpstreamAway
from engage_server.records import Upstream
from engage_server.services.call_in.upstream_host import UpstreamHost, UpstreamRequest
from tests.support import checkout
from tests.support.chains import NOW, key
from tests.support.partner import Partner

GET = UpstreamRequest("GET", "/swordfish/lock/db/0")


def certificate(
    name: str, public: rsa.RSAPrivateKey, issuer: str, signer: rsa.RSAPrivateKey, *, is_ca: bool
) -> x509.Certificate:
    """As a company's own CA makes them: basic constraints and a name, no key usage, no key identifiers."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(public.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )
    if not is_ca:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
    return builder.sign(signer, hashes.SHA256())


ROOT = certificate("root", key(1), "root", key(1), is_ca=True)
INTERMEDIATE = certificate("intermediate", key(2), "root", key(1), is_ca=True)
SERVER = certificate("127.0.0.1", key(3), "intermediate", key(2), is_ca=False)
STRANGER = certificate("root", key(4), "root", key(4), is_ca=True)


def pem(*certificates: x509.Certificate) -> str:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates).decode()


@pytest.fixture
def partner(tmp_path: Path) -> Iterator[Partner]:
    (tmp_path / "partner_server.pem").write_text(pem(SERVER, INTERMEDIATE))
    private = key(3).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "partner_server.key").write_bytes(private)
    system = Partner(tls_from=tmp_path).start()
    yield system
    system.stop()


@pytest.fixture(params=["as it is", "as 3.13 has it"])
def _default_of(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default of the Python that runs this, and that of 3.13 and later where this one is older."""
    if request.param == "as it is":
        return
    make: Callable[..., ssl.SSLContext] = ssl.create_default_context

    def strict(*arguments: Any, **options: Any) -> ssl.SSLContext:
        context = make(*arguments, **options)
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)


def call(partner: Partner, trusted: x509.Certificate) -> int:
    return UpstreamHost(Upstream(partner.url, 5, pem(trusted)), 2).call(GET).status


@pytest.mark.usefixtures("_default_of")
@pytest.mark.parametrize("trusted", [ROOT, INTERMEDIATE, SERVER], ids=["root", "intermediate", "the server itself"])
def test_a_private_ca_without_key_usage_is_believed(partner: Partner, trusted: x509.Certificate) -> None:
    assert call(partner, trusted) == 200


@pytest.mark.usefixtures("_default_of")
def test_anybody_else_is_not(partner: Partner) -> None:
    """A root of the same name, and a server of another name."""
    with pytest.raises(UpstreamAway, match="TLS failed"):
        call(partner, STRANGER)
    elsewhere = Upstream(partner.url.replace("127.0.0.1", "localhost"), 5, pem(ROOT))
    with pytest.raises(UpstreamAway, match="TLS failed"):
        UpstreamHost(elsewhere, 2).call(GET)


def test_the_strict_default_would_refuse_it(partner: Partner) -> None:
    """The control: without flags of our own this is what an upgrade of Python does."""
    context = ssl.create_default_context(cadata=pem(ROOT))
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    import urllib3

    with (
        urllib3.PoolManager(ssl_context=context, retries=False) as pool,
        pytest.raises(urllib3.exceptions.SSLError, match=r"key usage|Key Identifier"),
    ):
        pool.request("GET", partner.url)


def test_no_other_module_makes_a_client_context_of_its_own() -> None:
    """A sibling would have Python's flags, which change from version to version."""
    package = checkout.ROOT / "engage_server"
    makers = ("create_default_context", "PROTOCOL_TLS_CLIENT", "create_urllib3_context", "HTTPSHandler", "urlopen(")
    found = {path.name for path in package.rglob("*.py") if any(maker in path.read_text() for maker in makers)}
    # tls_groups.py looks at the hello that a context would send, and connects to nobody. The others ask processes of
    # this machine and verify no certificate: they look whether one answers, compare it, or send what must be refused.
    assert found == {"upstream_address.py", "tls_groups.py", "probe.py", "trial.py", "network_checkup.py"}
