"""What is built, how it is measured, how it is read back."""

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from engage_server.errors import CertificateInvalid, PrivateKeyInvalid, UsageError
from engage_server.pki import byte_budget, encodings, keys, names
from engage_server.pki.chain import Chain
from engage_server.pki.issuing import profiles
from engage_server.pki.issuing.authority import ChainPlan, build_chain
from engage_server.pki.issuing.profiles import Lifetimes
from engage_server.pki.paths.path import arrange
from engage_server.records import AnchorRole, Host, Secret
from tests.support.chains import HOSTS, NOW, Recipe, good_chain, key, link_certificate


def _extension(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> x509.Extension[x509.ExtensionType]:
    return certificate.extensions.get_extension_for_class(kind)


@pytest.mark.parametrize(("role", "path_length"), [("root", None), ("intermediate", 0)])
def test_authorities_are_authorities(role: str, path_length: int | None) -> None:
    chain = good_chain().chain
    certificate = chain.root if role == "root" else chain.intermediates[0]
    constraints = _extension(certificate, x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=path_length)
    usage = _extension(certificate, x509.KeyUsage)
    assert usage.critical
    assert isinstance(usage.value, x509.KeyUsage)
    assert usage.value.key_cert_sign
    assert usage.value.crl_sign
    assert not usage.value.digital_signature


def test_the_server_certificate_is_a_tls_server_for_every_host() -> None:
    server = good_chain().chain.server
    assert _extension(server, x509.BasicConstraints).value == x509.BasicConstraints(ca=False, path_length=None)
    usage = _extension(server, x509.KeyUsage).value
    assert isinstance(usage, x509.KeyUsage)
    assert usage.digital_signature
    assert usage.key_encipherment
    assert not usage.key_cert_sign
    san = _extension(server, x509.SubjectAlternativeName).value
    assert isinstance(san, x509.SubjectAlternativeName)
    assert san.get_values_for_type(x509.DNSName) == ["locks.example.org", "localhost"]
    assert [str(a) for a in san.get_values_for_type(x509.IPAddress)] == ["10.44.68.128", "127.0.0.1"]
    (common_name,) = server.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert common_name.value == HOSTS[0].text


def test_every_certificate_is_rsa_2048_sha_256_and_backdated() -> None:
    chain = good_chain().chain
    for certificate in chain:
        public = certificate.public_key()
        assert isinstance(public, rsa.RSAPublicKey)
        assert (public.key_size, public.public_numbers().e) == (2048, 65537)
        assert certificate.signature_hash_algorithm is not None
        assert certificate.signature_hash_algorithm.name == "sha256"
        assert certificate.not_valid_before_utc == NOW - profiles.BACKDATE
        assert certificate.serial_number.bit_length() == 127
        assert len(_extension(certificate, x509.SubjectKeyIdentifier).value.public_bytes()) == 22
    assert len({certificate.serial_number for certificate in chain}) == 3


def test_authority_key_identifiers_lead_to_the_issuer() -> None:
    chain = good_chain().chain
    for certificate, issuer in ((chain.server, chain.intermediates[0]), (chain.intermediates[0], chain.root)):
        authority_key = _extension(certificate, x509.AuthorityKeyIdentifier).value
        subject_key = _extension(issuer, x509.SubjectKeyIdentifier).value
        assert isinstance(authority_key, x509.AuthorityKeyIdentifier)
        assert isinstance(subject_key, x509.SubjectKeyIdentifier)
        assert authority_key.key_identifier == subject_key.digest


def test_default_lifetimes() -> None:
    chain = good_chain().chain
    lived = [c.not_valid_after_utc - c.not_valid_before_utc + timedelta(seconds=1) for c in chain]
    assert [each.days for each in lived] == [7305, 3653, 825]


def test_no_certificate_outlives_its_issuer() -> None:
    assert Lifetimes(root_days=300).resolved() == (300, 300, 300)
    assert Lifetimes(intermediate_days=500).resolved() == (7305, 500, 500)
    with pytest.raises(UsageError, match="but its issuer only"):
        Lifetimes(root_days=300, server_days=301).resolved()
    with pytest.raises(UsageError, match="but its issuer only"):
        Lifetimes(intermediate_days=8000).resolved()
    with pytest.raises(UsageError, match="7 of them before today"):
        Lifetimes(server_days=7).resolved()


@pytest.mark.parametrize(
    ("plan", "what"),
    [
        (ChainPlan((Host("a" * 60 + ".example"),)), "a common name may have"),
        (ChainPlan(HOSTS, organization="o" * 65), "RFC 5280 allows 64"),
        (ChainPlan(HOSTS, organization="a\nb"), "control characters"),
        (ChainPlan(HOSTS, lifetimes=Lifetimes(root_days=9_999_999)), "after the year 9999"),
    ],
)
def test_impossible_plans(plan: ChainPlan, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        build_chain(plan, NOW)


def test_a_long_host_can_follow_a_short_one() -> None:
    long = Host("a" * 60 + ".example")
    server = build_chain(ChainPlan((HOSTS[0], long)), NOW).chain.server
    san = _extension(server, x509.SubjectAlternativeName).value
    assert isinstance(san, x509.SubjectAlternativeName)
    assert long.text in san.get_values_for_type(x509.DNSName)


def test_the_budget_is_the_sum_that_openssl_sees(tmp_path: Path) -> None:
    chain = good_chain().chain
    total = 0
    for number, certificate in enumerate(chain):
        pem = tmp_path / f"{number}.pem"
        pem.write_bytes(encodings.pem([certificate]))
        total += len(
            subprocess.run(["openssl", "x509", "-in", pem, "-outform", "DER"], capture_output=True, check=True).stdout
        )
    budget = byte_budget.measure(chain)
    assert budget.total == total
    assert budget.left == 4096 - total
    assert [row.role for row in budget.rows] == ["root", "intermediate", "server"]
    assert [row.sent for row in budget.rows] == [False, True, True]


def test_exactly_4096_bytes_fit_and_one_more_does_not() -> None:
    without = byte_budget.measure(Recipe().build()[0]).total
    padding = 4096 - without
    sizes = {}
    for bytes_more in range(padding - 40, padding):
        chain, _ = Recipe(padding_bytes=bytes_more).build()
        sizes[byte_budget.measure(chain).total] = byte_budget.measure(chain).fits
    assert sizes[4096]
    assert not sizes[4097]


def test_the_link_certificate_is_foretold_to_the_byte() -> None:
    built = good_chain()
    link = link_certificate(built, key(4))
    assert byte_budget.measure(built.chain).link_certificate_bytes == len(encodings.der(link))


def test_costs_add_up_to_what_leaving_them_out_saves() -> None:
    short = byte_budget.measure(good_chain().chain).total
    built = build_chain(ChainPlan(HOSTS, organization="Example Doors"), NOW)
    cost = next(cost for cost in byte_budget.costs(built.chain) if cost.what == "O=Example Doors")
    assert cost.count == 6
    # the names' own length octets may grow with what they hold
    assert 0 <= byte_budget.measure(built.chain).total - short - cost.der_bytes <= 6


def test_a_link_certificate_costs_bytes_like_any_other() -> None:
    built = good_chain()
    plain = built.chain
    linked = Chain(plain.root, plain.intermediates, plain.server, (link_certificate(built, key(5)),))
    link_bytes = len(encodings.der(linked.links[0]))
    assert byte_budget.measure(linked).total == byte_budget.measure(plain).total + link_bytes
    assert byte_budget.measure(linked).rows[-1].role == "link"
    before = {cost.what: (cost.count, cost.der_bytes) for cost in byte_budget.costs(plain)}
    after = {cost.what: (cost.count, cost.der_bytes) for cost in byte_budget.costs(linked)}
    name = f"CN={names.display_name(plain.root.subject)}"
    assert after[name][0] == before[name][0] + 2, "subject and issuer of the link"


def test_extension_sizes_are_those_in_the_certificate() -> None:
    for certificate in good_chain().chain:
        for extension in certificate.extensions:
            size = byte_budget.extension_bytes(extension)
            value = extension.value.public_bytes()
            # with its header: a value of two octets may stand anywhere
            position = encodings.der(certificate).index(bytes([4, len(value)]) + value) + 2
            # the whole extension must end where its value ends
            whole = encodings.der(certificate)[position + len(extension.value.public_bytes()) - size :][:2]
            assert whole[0] == 0x30
            assert whole[1] == size - 2 or whole[1] in (0x81, 0x82)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2)])
def test_any_order_is_put_right(order: tuple[int, ...]) -> None:
    chain = good_chain().chain
    certificates = list(chain)
    found = arrange([certificates[n] for n in order] + [chain.root])
    assert found == chain


def test_of_two_issuers_with_one_name_the_one_that_signed_is_taken() -> None:
    chain, other = good_chain().chain, good_chain("").chain
    impostor = build_chain(ChainPlan(HOSTS), NOW).chain.root
    assert impostor.subject == chain.root.subject
    with pytest.raises(CertificateInvalid, match="not part of the chain"):
        arrange([*other, impostor])


@pytest.mark.parametrize(
    ("leave_out", "what"), [("root", "issuer of .* is missing"), ("intermediate", "issuer of .* is missing")]
)
def test_gaps_are_named(leave_out: str, what: str) -> None:
    chain = good_chain().chain
    with pytest.raises(CertificateInvalid, match=what):
        arrange(c for c in chain if chain.role_of(c) != leave_out)


def test_the_anchor_is_what_the_site_chose() -> None:
    chain = good_chain().chain
    assert chain.anchor(AnchorRole.ROOT) == chain.root
    assert chain.anchor(AnchorRole.INTERMEDIATE) == chain.intermediates[0]
    with pytest.raises(CertificateInvalid, match="no intermediate"):
        type(chain)(chain.root, (), chain.server).anchor(AnchorRole.INTERMEDIATE)


def test_text_dumps_are_read_over() -> None:
    chain = good_chain().chain
    dump = b"Certificate:\n    Data:\n        Version: 3 (0x2)\n" * 50
    content = dump + encodings.pem([chain.server]) + dump + encodings.pem([chain.root])
    assert encodings.read_certificates(content, source="x") == [chain.server, chain.root]
    assert encodings.read_certificates(encodings.der(chain.root), source="x") == [chain.root]


@pytest.mark.parametrize(
    "content", [b"", b"nothing", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_no_certificate(content: bytes) -> None:
    with pytest.raises(CertificateInvalid, match="the-file: it contains no certificate"):
        encodings.read_certificates(content, source="the-file")


def test_pem_is_not_der() -> None:
    with pytest.raises(CertificateInvalid, match="it is PEM"):
        encodings.read_der(encodings.pem([good_chain().chain.root]), source="x")


def test_keys_with_and_without_passphrase() -> None:
    sealed = keys.private_key_pem(key(0), Secret(b"open sesame"))
    assert b"ENCRYPTED" in sealed.reveal()
    with pytest.raises(PrivateKeyInvalid, match="is encrypted"):
        keys.read_private_key(sealed, source="x")
    with pytest.raises(PrivateKeyInvalid, match="wrong passphrase"):
        keys.read_private_key(sealed, Secret(b"wrong"), source="x")
    opened = keys.read_private_key(sealed, Secret(b"open sesame"), source="x")
    assert keys.keys_match(opened, key(0).public_key())
    assert not keys.keys_match(opened, key(1).public_key())
    plain = keys.private_key_pem(key(0))
    assert keys.keys_match(keys.read_private_key(plain, Secret(b"too many"), source="x"), key(0).public_key())
    for garbage in (b"", b"-----BEGIN PRIVATE KEY-----\n", b"\x30\x00"):
        with pytest.raises(PrivateKeyInvalid, match="no private key"):
            keys.read_private_key(Secret(garbage), source="x")
    with pytest.raises(PrivateKeyInvalid, match="passphrase is empty"):
        keys.private_key_pem(key(0), Secret(b""))


def test_display_names() -> None:
    assert names.display_name(good_chain().chain.root.subject) == "ENGAGE Root"
    assert names.display_name(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "X")])) == "O=X"
