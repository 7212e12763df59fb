"""``engage telekom csr``: two files, never replaced, and what the reader needs next."""

import json
import stat
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from unittest.mock import patch

import click
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from engage_server.errors import FileNotUsable, PrivateKeyInvalid
from engage_server.files import write_new_file
from engage_server.links.telekom.certificates.requests import read_request
from engage_server.pki.keys import read_private_key
from engage_server.records import Secret
from tests.support.chains import NOW, key
from tests.support.commands import engage, ok
from tests.support.refusals import error, refused
from tests.support.telekom import ANNEX_A, PASSPHRASE, SAMPLE, organisation_toml


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "organisation.toml").write_text(organisation_toml(SAMPLE))
    (tmp_path / "passphrase").write_bytes(PASSPHRASE + b"\n")
    return tmp_path


def asked(environment: str = "ta", use: str = "sign", *more: str, into: str = "telekom") -> tuple[str, ...]:
    """The command, with a passphrase from a file."""
    options = ("--environment", environment, "--use", use, "--config", "organisation.toml")
    return ("telekom", "csr", *options, "--passphrase-file", "passphrase", *more, into)


def request_in(folder: Path, stem: str) -> x509.CertificateSigningRequest:
    return read_request((folder / f"{stem}.csr").read_bytes(), source=stem)


def names_in(request: x509.CertificateSigningRequest) -> list[str]:
    try:
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in names]


@pytest.mark.parametrize("which", ANNEX_A, ids=" ".join)
def test_two_files_with_the_names_of_the_document(folder: Path, which: tuple[str, str]) -> None:
    stem = ANNEX_A[which].stem
    shown = ok(engage(folder, *asked(*which)))
    key_file = folder / "telekom" / f"{stem}-PrivateKey.pem"
    assert sorted(each.name for each in (folder / "telekom").iterdir()) == [f"{stem}-PrivateKey.pem", f"{stem}.csr"]
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    content = Secret(key_file.read_bytes())
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in content.reveal()
    with pytest.raises(PrivateKeyInvalid):
        read_private_key(content, source="x")
    private = read_private_key(content, Secret(PASSPHRASE), source="x")
    request = request_in(folder / "telekom", stem)
    assert private.public_key() == request.public_key()
    pairs = "".join(line.split(":", 1)[1] for line in shown.splitlines() if line.startswith("  row "))
    assert pairs.replace(" ", "").lower() == sha256(request.public_bytes(Encoding.DER)).hexdigest()
    host = SAMPLE.ta.host if which[0] == "ta" else SAMPLE.pe.host
    assert names_in(request) == ([host] if which[1] == "ssl" else [])
    assert PASSPHRASE.decode() not in shown


def test_names_of_the_san_are_a_choice(folder: Path) -> None:
    ok(engage(folder, *asked("ta", "ssl", "--no-san")))
    assert names_in(request_in(folder / "telekom", "2_ssl_SampleOrg_TA")) == []
    ok(engage(folder, *asked("ta", "ssl", "--san", "b.example", "--san", "192.0.2.7", into="other")))
    names = names_in(request_in(folder / "other", "2_ssl_SampleOrg_TA"))
    assert names == ["ta.sample.org", "b.example", "192.0.2.7"]
    ok(engage(folder, *asked("ta", "sign", "--san", "b.example")))
    assert names_in(request_in(folder / "telekom", "1_sign_SampleOrg_TA")) == ["b.example"]
    error(engage(folder, *asked("ta", "ssl", "--san", "b.example", "--no-san", into="third")), 2, "contradict")


def test_longer_keys(folder: Path) -> None:
    ok(engage(folder, *asked("ta", "sign", "--bits", "3072")))
    public = request_in(folder / "telekom", "1_sign_SampleOrg_TA").public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    assert public.key_size == 3072
    refused(engage(folder, *asked("ta", "ssl", "--bits", "1024")), 2, "1024")


@pytest.mark.parametrize("ending", ["-PrivateKey.pem", ".csr"])
def test_a_file_is_never_replaced(folder: Path, ending: str) -> None:
    (folder / "telekom").mkdir()
    there = folder / "telekom" / f"1_sign_SampleOrg_TA{ending}"
    there.write_text("old")
    error(engage(folder, *asked()), 2, "telekom.exists", str(there.relative_to(folder)), "new folder")
    assert there.read_text() == "old"
    assert [each.name for each in (folder / "telekom").iterdir()] == [there.name]


def test_a_key_without_its_request_is_not_left_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = write_new_file

    def full(path: Path, content: bytes, mode: int) -> None:
        if path.suffix == ".csr":
            raise FileNotUsable(f"{path}: cannot write it: no space left", "Make room.")
        real(path, content, mode)

    monkeypatch.setattr("engage_server.links.telekom.certificates.request_files.write_new_file", full)
    error(engage(folder, *asked()), 3, "no space left")
    assert [each.name for each in (folder / "telekom").iterdir()] == []


def test_a_passphrase_is_needed(folder: Path) -> None:
    bare = [each for each in asked() if each not in ("--passphrase-file", "passphrase")]
    error(engage(folder, *bare), 2, "the key needs a passphrase")
    assert not (folder / "telekom").exists()
    (folder / "passphrase").write_text("\n")
    error(engage(folder, *asked()), 2, "passphrase is empty")
    (folder / "passphrase").write_text("x" * 1024)
    error(engage(folder, *asked()), 2, "private_key.invalid", "the passphrase has 1024 bytes")
    assert not (folder / "telekom").exists()
    ok(engage(folder, *bare, ENGAGE_PASSPHRASE="from the environment"))
    ok(engage(folder, *[*bare[:-1], "--passphrase-file", "-", "other"], stdin=PASSPHRASE))
    content = Secret((folder / "other" / "1_sign_SampleOrg_TA-PrivateKey.pem").read_bytes())
    read_private_key(content, Secret(PASSPHRASE), source="x")


def test_on_a_terminal_it_asks_twice_without_showing(folder: Path) -> None:
    bare = [each for each in asked() if each not in ("--passphrase-file", "passphrase")]
    with (
        patch("engage_server.links.commands.telekom.csr_command._is_terminal", return_value=True),
        patch.object(click, "prompt", return_value=PASSPHRASE.decode()) as prompt,
    ):
        ok(engage(folder, *bare))
    assert prompt.call_args.kwargs == {"hide_input": True, "confirmation_prompt": True, "err": True}
    content = Secret((folder / "telekom" / "1_sign_SampleOrg_TA-PrivateKey.pem").read_bytes())
    read_private_key(content, Secret(PASSPHRASE), source="x")


def test_the_example_is_printed_without_other_options(folder: Path) -> None:
    (folder / "organisation.toml").write_text(ok(engage(folder, "telekom", "csr", "--example")))
    ok(engage(folder, *asked()))
    assert (folder / "telekom" / "1_sign_SampleOrg_TA.csr").exists()


def test_a_wrong_organisation_stops(folder: Path) -> None:
    (folder / "organisation.toml").write_text(organisation_toml(replace(SAMPLE, country="Germany")))
    error(engage(folder, *asked()), 2, "settings.invalid", "organisation.toml: country: ")
    (folder / "organisation.toml").unlink()
    error(engage(folder, *asked()), 3, "organisation.toml: cannot read it")
    assert not (folder / "telekom").exists()


def issued(request: x509.CertificateSigningRequest, *, subject: x509.Name | None = None) -> bytes:
    """A certificate for a request, as a CA issues it."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "A CA")])
    builder = (
        x509.CertificateBuilder(name, subject or request.subject, request.public_key())
        .serial_number(7)
        .not_valid_before(NOW - timedelta(days=1000))
        .not_valid_after(NOW + timedelta(days=90))
    )
    for each in request.extensions if subject is None else ():
        builder = builder.add_extension(each.value, each.critical)
    if subject is not None:  # as a CA may leave out what is not asked of it
        usage = request.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
        builder = builder.add_extension(usage.value, usage.critical)
    return builder.sign(key(1), hashes.SHA256()).public_bytes(Encoding.PEM)


def test_a_renewal_says_what_changes(folder: Path) -> None:
    ok(engage(folder, *asked("ta", "ssl", "--no-san")))
    request = request_in(folder / "telekom", "2_ssl_SampleOrg_TA")
    (folder / "telekom" / "2_ssl_SampleOrg_TA.pem").write_bytes(issued(request))
    (folder / "organisation.toml").write_text(organisation_toml(replace(SAMPLE, locality="Köln")))
    shown = ok(engage(folder, *asked("ta", "ssl", into="telekom/2029")))
    assert "it renews telekom/2_ssl_SampleOrg_TA.pem, valid until" in " ".join(shown.split())
    assert "telekom check telekom --config organisation.toml" in shown, "the whole set, not the new folder alone"
    assert ["L", "Bonn", "Köln"] in [line.split() for line in shown.splitlines()]
    told = json.loads(ok(engage(folder, *asked("ta", "ssl", into="telekom/2030"), "--json")))
    assert told["renews"]["changes"] == [
        {"what": "L", "before": "Bonn", "after": "Köln"},
        {"what": "alternative names", "before": "(none)", "after": "ta.sample.org"},
        {"what": "key", "before": "RSA 2048 bits", "after": "RSA 2048 bits, new"},
    ]


def test_another_kind_is_not_renewed(folder: Path) -> None:
    """The control: a certificate for signatures beside a request for TLS, and one for the other environment."""
    ok(engage(folder, *asked("ta", "sign")))
    request = request_in(folder / "telekom", "1_sign_SampleOrg_TA")
    (folder / "telekom" / "1_sign_SampleOrg_TA.pem").write_bytes(issued(request))
    for which in (("ta", "ssl"), ("pe", "sign")):
        told = json.loads(ok(engage(folder, *asked(*which), "--json")))
        assert told["renews"] is None
    (folder / "telekom" / "1_sign_SampleOrg_TA.pem").rename(folder / "telekom" / "from-the-ca.pem")
    told = json.loads(ok(engage(folder, *asked("ta", "sign", into="telekom/2028"), "--json")))
    assert told["renews"]["file"].endswith("telekom/from-the-ca.pem"), "its OU says what it is"
    unnamed = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ta.sample.org")])
    (folder / "telekom" / "from-the-ca.pem").write_bytes(issued(request, subject=unnamed))
    told = json.loads(ok(engage(folder, *asked("ta", "sign", into="telekom/2027"), "--json")))
    assert told["renews"] is None
    (folder / "telekom" / "from-the-ca.pem").rename(folder / "telekom" / "1_sign_SampleOrg_TA.pem")
    told = json.loads(ok(engage(folder, *asked("ta", "sign", into="telekom/2029"), "--json")))
    assert told["renews"]["file"].endswith("telekom/1_sign_SampleOrg_TA.pem")
    names = ["C", "ST", "L", "O", "OU", "emailAddress"]
    added = ["comment", "key usage", "key"]
    assert sorted(each["what"] for each in told["renews"]["changes"]) == sorted([*names, *added])
    comment = next(each for each in told["renews"]["changes"] if each["what"] == "comment")
    assert (comment["before"], comment["after"]) == ("(none)", ANNEX_A["ta", "sign"].comment)
