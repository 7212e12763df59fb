"""Every container is read, and what is none is told by its own cause."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from engage_server.errors import ContentNotUsable
from engage_server.pki import encodings, keys
from engage_server.pki.paths.bundle import Oddity, read_bundle
from engage_server.records import Secret
from tests.support.chains import key
from tests.support.containers import (
    BUILT,
    CHAIN,
    KEY,
    LOCKED_KEY,
    ODD,
    PASSPHRASE,
    PEM,
    UNREADABLE,
    WHOLE,
    legacy_pfx,
    pfx,
)

_KEYTOOL = shutil.which("keytool")


@pytest.mark.parametrize("name", WHOLE)
def test_the_chain_is_read_from_every_container(name: str) -> None:
    bundle = read_bundle(WHOLE[name](), source=name)
    assert set(bundle.certificates) == set(CHAIN)
    assert bundle.oddities == ()
    assert not bundle.locked_keys + bundle.broken_keys


@pytest.mark.parametrize("name", ODD)
def test_what_others_cannot_load_is_read_and_marked(name: str, tmp_path: Path) -> None:
    make, code = ODD[name]
    bundle = read_bundle(make(), source=name)
    assert bundle.certificates == tuple(CHAIN)
    assert bundle.oddities == (code,)
    assert not _openssl_loads(make(), tmp_path), "the control: a warning has a reason"


@pytest.mark.parametrize("name", [name for name in WHOLE if WHOLE[name]().startswith((b"-----BEGIN C", b"\xef"))])
def test_openssl_loads_what_is_not_marked(name: str, tmp_path: Path) -> None:
    content = WHOLE[name]()
    if b"BEGIN CERTIFICATE" in content and len(read_bundle(content, source=name).certificates) == content.count(
        b"BEGIN CERTIFICATE"
    ):
        assert _openssl_loads(content, tmp_path)


def _openssl_loads(content: bytes, folder: Path) -> bool:
    """Python's ssl, which is OpenSSL, as a judge: it finds all three."""
    (folder / "file.pem").write_bytes(content)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(folder / "file.pem")
    except ssl.SSLError:
        return False
    return context.cert_store_stats()["x509"] == len(CHAIN)


@pytest.mark.parametrize("name", UNREADABLE)
def test_each_cause_has_its_own_words(name: str) -> None:
    make, code, word, step = UNREADABLE[name]
    if code == "content.key_alone":
        assert read_bundle(make(), source=name).has_keys, "whether there is a chain elsewhere is not known here"
        return
    with pytest.raises(ContentNotUsable) as caught:
        read_bundle(make(), source=name)
    assert (caught.value.code, caught.value.exit_status) == (code, 3)
    assert caught.value.sentence.startswith(f"{name}: ")
    assert word in caught.value.sentence
    assert step in caught.value.next_step


def test_no_two_causes_share_their_words() -> None:
    codes = {code for _, code, _, _ in UNREADABLE.values()} | {"passphrase.wrong"}
    assert len(codes) == 11


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pfx_opens_with_its_passphrase_alone(legacy: bool, tmp_path: Path) -> None:
    content = legacy_pfx(tmp_path) if legacy else pfx(PASSPHRASE)
    bundle = read_bundle(content, source="x", passphrase=Secret(PASSPHRASE))
    assert set(bundle.certificates) == set(CHAIN)
    assert keys.keys_match(bundle.keys[0], BUILT.server_key.public_key())
    with pytest.raises(ContentNotUsable, match="passphrase is wrong") as wrong:
        read_bundle(content, source="x", passphrase=Secret(b"other"))
    assert wrong.value.code == "passphrase.wrong"
    with pytest.raises(ContentNotUsable, match="none was given") as missing:
        read_bundle(content, source="x")
    assert missing.value.code == "passphrase.missing"


def test_a_passphrase_too_many_does_no_harm() -> None:
    for content in (PEM, KEY + PEM, pfx()):
        assert len(read_bundle(content, source="x", passphrase=Secret(b"other")).certificates) == 3


def test_keys_that_do_not_open_are_counted() -> None:
    assert read_bundle(LOCKED_KEY + PEM, source="x").locked_keys == 1
    assert read_bundle(LOCKED_KEY + PEM, source="x", passphrase=Secret(b"other")).locked_keys == 1
    opened = read_bundle(LOCKED_KEY + PEM, source="x", passphrase=Secret(PASSPHRASE))
    assert (len(opened.keys), opened.locked_keys) == (1, 0)
    assert read_bundle(PEM + KEY.replace(b"MII", b"MAI", 1), source="x").broken_keys == 1


def test_an_older_form_of_encryption_is_known_by_its_header() -> None:
    traditional = subprocess.run(
        ["openssl", "rsa", "-traditional", "-aes128", "-passout", f"pass:{PASSPHRASE.decode()}"],
        input=KEY,
        capture_output=True,
        check=True,
    ).stdout
    assert b"Proc-Type: 4,ENCRYPTED" in traditional
    assert read_bundle(traditional + PEM, source="x").locked_keys == 1
    assert len(read_bundle(traditional + PEM, source="x", passphrase=Secret(PASSPHRASE)).keys) == 1


def test_order_means_something_in_pem_alone() -> None:
    assert read_bundle(PEM, source="x").in_order
    assert read_bundle(WHOLE["trusted.pem"](), source="x").in_order
    for name in ("openssl.p7b", "open.p12", "certutil-encode.p7b"):
        assert not read_bundle(WHOLE[name](), source="x").in_order


def test_the_fields_of_two_bundles_add_up() -> None:
    one = read_bundle(ODD["utf-16.pem"][0](), source="x")
    both = one + read_bundle(LOCKED_KEY + ODD["joined.pem"][0](), source="x")
    assert len(both.certificates) == 6
    assert both.locked_keys == 1
    assert both.oddities == (Oddity.UTF16, Oddity.LINES)


@pytest.mark.skipif(_KEYTOOL is None, reason="there is no keytool here")
def test_what_keytool_writes(tmp_path: Path) -> None:
    """A keystore of each kind, and the exports of it."""
    (tmp_path / "x.p12").write_bytes(pfx(PASSPHRASE))
    secret = PASSPHRASE.decode()
    passwords = ("-srcstorepass", secret, "-deststorepass", secret)

    def keytool(*arguments: str) -> bytes:
        command = [str(_KEYTOOL), "-J-XX:TieredStopAtLevel=1", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, timeout=60).stdout

    convert = ("-importkeystore", "-srckeystore", "x.p12", *passwords)
    keytool(*convert, "-destkeystore", "store.jks", "-deststoretype", "JKS", "-destkeypass", secret)
    with pytest.raises(ContentNotUsable, match="Java") as caught:
        read_bundle((tmp_path / "store.jks").read_bytes(), source="store.jks")
    assert caught.value.next_step.startswith("Convert it: keytool -importkeystore")
    back = ("-importkeystore", "-srckeystore", "store.jks", *passwords)
    keytool(*back, "-destkeystore", "again.p12", "-deststoretype", "PKCS12")  # as the next step says
    bundle = read_bundle((tmp_path / "again.p12").read_bytes(), source="x", passphrase=Secret(PASSPHRASE))
    assert set(bundle.certificates) == set(CHAIN)
    assert len(bundle.keys) == 1
    listed = keytool("-list", "-rfc", "-keystore", "again.p12", "-storepass", secret)
    assert read_bundle(listed, source="x").certificates == tuple(CHAIN)
    export = ("-exportcert", "-alias", "x", "-keystore", "again.p12", "-storepass", secret)
    for more in ((), ("-rfc",)):
        assert read_bundle(keytool(*export, *more), source="x").certificates == tuple(CHAIN[:1])


def test_somebody_elses_key_is_just_a_key() -> None:
    held = read_bundle(keys.private_key_pem(key(0)).reveal() + encodings.pem(CHAIN[:1]), source="x").keys
    assert [keys.keys_match(each, CHAIN[0].public_key()) for each in held] == [False]
