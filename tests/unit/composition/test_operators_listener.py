"""What the settings say about the operators' listener, and which of them do not start."""

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from engage_server.composition.operators_listener import (
    address,
    assert_protected,
    is_reached_from_elsewhere,
    is_secure,
    read_operators_certificate,
)
from engage_server.errors import SettingsInvalid
from engage_server.pki.encodings import pem
from engage_server.settings import Settings, load_settings
from tests.support.chains import Recipe, key


def settings(folder: Path = Path("/nowhere"), **given: Any) -> Settings:
    """These, and the defaults."""
    return load_settings(None, {}, {f"operators_{name}": value for name, value in given.items()}, folder)


def key_pem(private: rsa.RSAPrivateKey, passphrase: bytes | None) -> bytes:
    """A key as a file holds it."""
    lock: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        lock = serialization.BestAvailableEncryption(passphrase)
    return private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)


FILES = {"tls_certificate": "a.pem", "tls_key": "a.key"}
SITE = {"tls_certificate": "site"}
PROXY = {"behind_proxy": True}


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.0.0.9", "::1", "::ffff:127.0.0.1", "localhost"])
@pytest.mark.parametrize("more", [{}, FILES, SITE, PROXY])
def test_on_this_machine_anything_starts(bind: str, more: dict[str, Any]) -> None:
    assert_protected(settings(bind=bind, **more))


@pytest.mark.parametrize("bind", ["0.0.0.0", "::", "10.44.0.1", "fd00::1", "::ffff:10.0.0.1", "engage.example.org"])
def test_off_loopback_it_needs_tls_or_a_proxy(bind: str) -> None:
    for more in (FILES, SITE, PROXY):
        assert_protected(settings(bind=bind, **more))
    with pytest.raises(SettingsInvalid) as caught:
        assert_protected(settings(bind=bind))
    assert bind in caught.value.sentence
    for name in ("operators_tls_certificate", "operators_tls_key", '"site"', "operators_behind_proxy = true"):
        assert name in caught.value.next_step


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"tls_key": "a.key"}, "operators_tls_certificate names no file"),
        ({"tls_key": "a.key", **SITE}, "operators_tls_certificate names no file"),
        ({"tls_certificate": "a.pem"}, "operators_tls_key is not set"),
    ],
)
def test_halves_do_not_start(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsInvalid, match=sentence):
        assert_protected(settings(**given))


@pytest.mark.parametrize(
    ("given", "secure", "elsewhere", "url", "for_browser"),
    [
        ({}, False, False, "http://127.0.0.1:8008", "http://localhost:8008"),
        ({"bind": "::1"}, False, False, "http://[::1]:8008", "http://localhost:8008"),
        ({"hosts": "127.0.0.1"}, False, False, "http://127.0.0.1:8008", "http://127.0.0.1:8008"),
        (SITE, True, False, "https://127.0.0.1:8008", "https://localhost:8008"),
        (
            {"bind": "10.0.0.7", "hosts": "localhost,10.0.0.7,a.example", **FILES},
            True,
            True,
            "https://10.0.0.7:8008",
            "https://a.example:8008",
        ),
        (
            {"bind": "0.0.0.0", "hosts": "localhost,10.0.0.7,a.example", **FILES},
            True,
            True,
            "https://10.0.0.7:8008",
            "https://a.example:8008",
        ),
        ({"hosts": "localhost,a.example", **PROXY}, True, True, "https://a.example", "https://a.example"),
    ],
)
def test_how_it_is_called(given: dict[str, Any], secure: bool, elsewhere: bool, url: str, for_browser: str) -> None:
    found = settings(**given)
    assert (is_secure(found), is_reached_from_elsewhere(found)) == (secure, elsewhere)
    assert address(found) == url
    assert address(found, by_browser=True) == for_browser


def test_paths_are_relative_to_the_settings_and_site_is_none(tmp_path: Path) -> None:
    assert settings(tmp_path, **FILES).operators_tls_certificate == tmp_path / "a.pem"
    assert settings(tmp_path, **SITE).operators_tls_certificate == Path("site")


class TestCertificate:
    @pytest.fixture
    def files(self, tmp_path: Path) -> Settings:
        """Of a chain as certbot leaves one."""
        chain, own_key = Recipe().build()
        (tmp_path / "a.pem").write_bytes(pem([chain.server, *chain.intermediates]))
        (tmp_path / "a.key").write_bytes(key_pem(own_key, b"sesame17"))
        (tmp_path / "pass").write_bytes(b"sesame17\r\n")
        return settings(tmp_path, **FILES, tls_passphrase_file="pass")  # a file's name

    def test_it_is_read(self, files: Settings) -> None:
        chain, own_key = read_operators_certificate(files)
        assert len(chain) == 2
        assert own_key.public_key() == chain[0].public_key()

    @pytest.mark.parametrize(
        ("name", "content", "sentence"),
        [
            ("a.pem", None, "setting operators_tls_certificate: .*a.pem: cannot read it"),
            ("a.pem", b"nothing", "setting operators_tls_certificate: .*a.pem"),
            ("a.key", b"nothing", "setting operators_tls_key: .*a.key"),
            ("pass", b"wrong", "setting operators_tls_key: .*a.key"),
            ("pass", None, "setting operators_tls_passphrase_file: .*pass"),
            ("a.key", key_pem(key(7), None), "setting operators_tls_key: .* is not the key of the first certificate"),
        ],
    )
    def test_what_cannot_be_used_is_named(
        self, files: Settings, tmp_path: Path, name: str, content: bytes | None, sentence: str
    ) -> None:
        if content is None:
            (tmp_path / name).unlink()
        else:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(SettingsInvalid, match=sentence) as caught:
            read_operators_certificate(files)
        assert "sesame17" not in caught.value.sentence
        assert caught.value.next_step
