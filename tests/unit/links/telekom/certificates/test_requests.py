"""Requests are those of OpenSSL with the document's own configurations, to the byte."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from engage_server.errors import CertificateInvalid
from engage_server.links.telekom.certificates.organisation import Organisation
from engage_server.links.telekom.certificates.profiles import PROFILES, Environment, Profile, Use, profile_for
from engage_server.links.telekom.certificates.requests import (
    build_request,
    fingerprint,
    is_request,
    read_request,
    shown_subject,
    spoken_rows,
)
from engage_server.pki.keys import private_key_pem, read_private_key
from engage_server.records import Host, Secret
from tests.support.chains import key
from tests.support.lengths import examples
from tests.support.telekom import ANNEX_A, PASSPHRASE, SAMPLE, configuration, openssl_request, organisations

each_profile = pytest.mark.parametrize("profile", PROFILES, ids=lambda each: f"{each.environment}-{each.use}")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a key that both sides use."""
    folder = tmp_path_factory.mktemp("openssl")
    (folder / "key.pem").write_bytes(private_key_pem(key()).reveal())
    yield folder


def judged(folder: Path, profile: Profile, organisation: Organisation, san: str = "") -> bytes:
    """The judge's request with the key of the bench."""
    config = configuration(profile.environment, profile.use, organisation, san)
    return openssl_request(folder, config, "-key", "key.pem")


def ours(profile: Profile, organisation: Organisation, *hosts: Host) -> bytes:
    """Our request with the same key."""
    return build_request(profile, organisation, key(), hosts).public_bytes(Encoding.DER)


@each_profile
def test_it_is_the_request_of_the_document(profile: Profile, bench: Path) -> None:
    assert ours(profile, SAMPLE) == judged(bench, profile, SAMPLE)


@each_profile
def test_a_subject_alternative_name_comes_last(profile: Profile, bench: Path) -> None:
    hosts = (Host("a.example.org"), Host("192.0.2.7"))
    judge = judged(bench, profile, SAMPLE, "DNS:a.example.org, IP:192.0.2.7")
    assert ours(profile, SAMPLE, *hosts) == judge
    assert ours(profile, SAMPLE) != judge


def test_what_annex_a_says_of_each_file() -> None:
    assert {(p.environment.value, p.use.value): p.stem("SampleOrg") for p in PROFILES} == {
        which: annex.stem for which, annex in ANNEX_A.items()
    }
    assert [profile.sign for profile in PROFILES] == ["1", "2", "3", "4"]
    assert profile_for(Environment.PRODUCTION, Use.SIGN).sign == "3"


@settings(max_examples=examples(all=60, quick=25, campaign=200))
@given(organisation=organisations, profile=st.sampled_from(PROFILES))
def test_every_organisation_is_written_as_openssl_writes_it(
    bench: Path, organisation: Organisation, profile: Profile
) -> None:
    assert ours(profile, organisation) == judged(bench, profile, organisation)


def test_another_value_is_another_request(bench: Path) -> None:
    """The control: the comparison sees one letter."""
    other = replace(SAMPLE, locality="Bonn-Beuel")
    assert ours(PROFILES[0], other) != judged(bench, PROFILES[0], SAMPLE)
    assert ours(PROFILES[0], SAMPLE) != judged(bench, PROFILES[1], SAMPLE)
    assert ours(PROFILES[0], SAMPLE) != judged(bench, PROFILES[2], SAMPLE)


def test_openssl_itself_spoils_names_without_its_option_for_utf8(bench: Path) -> None:
    """The document's command has no -utf8. The page says so."""
    config = configuration("ta", "sign", replace(SAMPLE, locality="Köln"))
    (bench / "latin.cnf").write_text(config, encoding="utf-8")
    command = ["openssl", "req", "-new", "-config", "latin.cnf", "-key", "key.pem"]
    found = subprocess.run(command, cwd=bench, capture_output=True, check=True).stdout
    assert "L=KÃ¶ln" in shown_subject(read_request(found, source="x").subject)


def test_the_key_that_openssl_makes_gives_the_same_request(bench: Path) -> None:
    """The document's command, with a length: it makes the key as well."""
    command = ("-newkey", "rsa:2048", "-keyout", "theirs.pem", "-passout", f"pass:{PASSPHRASE.decode()}")
    judge = openssl_request(bench, configuration("pe", "ssl"), *command)
    theirs = read_private_key(Secret((bench / "theirs.pem").read_bytes()), Secret(PASSPHRASE), source="theirs.pem")
    assert isinstance(theirs, rsa.RSAPrivateKey)
    assert build_request(PROFILES[3], SAMPLE, theirs).public_bytes(Encoding.DER) == judge


def test_the_command_of_the_document_fails(bench: Path) -> None:
    (bench / "document.cnf").write_text(configuration("ta", "sign"), encoding="utf-8")
    command = ["openssl", "req", "-config", "document.cnf", "-newkey", "rsa:", "-new", "-out", "x.csr", "-nodes"]
    done = subprocess.run(command, cwd=bench, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert not (bench / "x.csr").exists()


@each_profile
def test_openssl_verifies_it(profile: Profile, tmp_path: Path) -> None:
    (tmp_path / "ours.csr").write_bytes(build_request(profile, SAMPLE, key()).public_bytes(Encoding.PEM))
    command = ["openssl", "req", "-in", "ours.csr", "-verify", "-noout"]
    assert "verify OK" in subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stderr


def test_the_fingerprint_is_the_one_that_openssl_prints(tmp_path: Path) -> None:
    request = build_request(PROFILES[0], SAMPLE, key())
    (tmp_path / "ours.csr").write_bytes(request.public_bytes(Encoding.PEM))
    script = "openssl req -in ours.csr -outform DER | openssl dgst -sha256 -c"
    shown = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    judge = shown.rpartition("= ")[2].strip()
    assert fingerprint(request) == judge.replace(":", "") == sha256(request.public_bytes(Encoding.DER)).hexdigest()
    rows = spoken_rows(fingerprint(request))
    assert len(rows) == 4
    assert all(re.fullmatch(r"([0-9A-F]{2} ){3}[0-9A-F]{2}   ([0-9A-F]{2} ){3}[0-9A-F]{2}", row) for row in rows)
    assert "".join(rows).replace(" ", "").lower() == fingerprint(request)


def test_a_request_is_read_as_pem_and_der_and_nothing_else_is() -> None:
    request = build_request(PROFILES[0], SAMPLE, key())
    for form in (Encoding.PEM, Encoding.DER):
        content = request.public_bytes(form)
        assert is_request(content)
        assert read_request(content, source="x.csr") == request
    for content in (b"", b"-----BEGIN X-----", b"0\0", request.public_bytes(Encoding.DER)[:-1]):
        assert not is_request(content)
        with pytest.raises(CertificateInvalid, match=r"x\.csr: it contains no certificate request"):
            read_request(content, source="x.csr")


def test_a_request_that_was_changed_is_refused() -> None:
    content = build_request(PROFILES[0], SAMPLE, key()).public_bytes(Encoding.DER).replace(b"Bonn", b"Ronn")
    assert is_request(content)
    with pytest.raises(CertificateInvalid, match="signature is broken"):
        read_request(content, source="x.csr")


def test_the_subject_is_shown_in_its_order() -> None:
    assert shown_subject(SAMPLE.subject(PROFILES[0])) == (
        "C=DE, ST=North-Rhine-Westfalia, L=Bonn, O=Sample Organization S.E., OU=M2M_TA, CN=ta.sample.org, "
        "emailAddress=m2m@sample.org"
    )
    assert isinstance(SAMPLE.subject(PROFILES[0]), x509.Name)
