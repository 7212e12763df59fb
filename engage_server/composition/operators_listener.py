"""What the settings say about the operators' listener: how it is called, and whether strangers could reach it."""

import socket
from pathlib import Path
from typing import TYPE_CHECKING

from engage_server.errors import EngageError, SettingsInvalid
from engage_server.files import read_file
from engage_server.records import Host, Secret, read_address
from engage_server.settings import SITES_OWN, Settings

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

_MAX_PEM_BYTES = 256 * 1024
_PROBE_SECONDS = 0.5


def has_tls(settings: Settings) -> bool:
    """Whether the listener does TLS itself."""
    return settings.operators_tls_certificate is not None


def has_tls_of_site(settings: Settings) -> bool:
    """Whether the listener has the certificate of the current release."""
    return settings.operators_tls_certificate == SITES_OWN


def is_secure(settings: Settings) -> bool:
    """Whether a browser uses HTTPS, be it to a proxy."""
    return has_tls(settings) or settings.operators_behind_proxy


def is_reached_from_elsewhere(settings: Settings) -> bool:
    """Whether others than the users of this machine can reach the listener."""
    return settings.operators_behind_proxy or not Host(settings.operators_bind).is_this_machine


def assert_protected(settings: Settings) -> None:
    """Refuse to listen where others could read along.

    Raises:
        SettingsInvalid: The listener would be reached from elsewhere without TLS, or the settings contradict each
            other.
    """
    if settings.operators_tls_key is not None and (not has_tls(settings) or has_tls_of_site(settings)):
        raise SettingsInvalid(
            "operators_tls_key is set, but operators_tls_certificate names no file that it belongs to",
            "Set operators_tls_certificate to a PEM file. Or leave operators_tls_key out.",
        )
    if has_tls(settings) and not has_tls_of_site(settings) and settings.operators_tls_key is None:
        raise SettingsInvalid(
            f"operators_tls_certificate is {settings.operators_tls_certificate}, but operators_tls_key is not set",
            "Set operators_tls_key to the PEM file of its private key.",
        )
    if is_secure(settings) or Host(settings.operators_bind).is_this_machine:
        return
    raise SettingsInvalid(
        f"operators_bind is {settings.operators_bind}, which other machines reach, and the listener has no TLS",
        'Set operators_tls_certificate and operators_tls_key, or operators_tls_certificate = "site". Or set '
        "operators_behind_proxy = true, if a proxy in front of it speaks HTTPS. Or leave operators_bind at 127.0.0.1.",
    )


def called_host(settings: Settings, *, by_browser: bool = False) -> Host:
    """Return the listed host by which the listener is most likely called.

    Args:
        settings: The settings.
        by_browser: Whether a person calls it. Browsers treat ``localhost`` as safe, also without TLS, and addresses
            have no certificate. So a name comes before an address then.
    """
    bound = str(read_address(settings.operators_bind))

    def rank(host: Host) -> tuple[bool, bool]:
        is_elsewhere = host.is_this_machine is is_reached_from_elsewhere(settings)
        by_name = by_browser or settings.operators_behind_proxy  # a proxy has another address
        return is_elsewhere, host.is_address if by_name else host.text != bound

    return min(settings.operators_hosts, key=rank)


def address(settings: Settings, *, by_browser: bool = False) -> str:
    """Return the URL by which the listener is called, without a path. A proxy is taken to have port 443."""
    host = called_host(settings, by_browser=by_browser).in_url
    if settings.operators_behind_proxy and not has_tls(settings):
        return f"https://{host}"
    return f"{'https' if has_tls(settings) else 'http'}://{host}:{settings.operators_port}"


def is_answering(settings: Settings) -> bool:
    """Whether something accepts connections where the listener should be. It may be another program."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # looked up, not listened on
    near = everywhere.get(settings.operators_bind, settings.operators_bind)
    try:
        with socket.create_connection((near, settings.operators_port), _PROBE_SECONDS):
            return True
    except OSError:
        return False


def read_operators_certificate(settings: Settings) -> tuple["list[x509.Certificate]", "PrivateKeyTypes"]:
    """Return the certificates, the server's own first, and its key.

    Args:
        settings: Both files are set: see :func:`assert_protected`.

    Raises:
        SettingsInvalid: A file cannot be read, or the key is not that of the first certificate.
    """
    from engage_server.pki.encodings import read_certificates  # most commands only want the address
    from engage_server.pki.keys import keys_match, read_private_key

    certificate, key_file = settings.operators_tls_certificate, settings.operators_tls_key
    if certificate is None or key_file is None:
        raise ValueError("the settings name no certificate and key")
    name = "operators_tls_certificate"
    try:
        chain = read_certificates(_content(certificate), source=str(certificate))
        name = "operators_tls_passphrase_file"
        given = settings.operators_tls_passphrase_file
        passphrase = None if given is None else Secret(_content(given).rstrip(b"\r\n"))
        name = "operators_tls_key"
        key = read_private_key(Secret(_content(key_file)), passphrase, source=str(key_file))
    except EngageError as error:
        raise SettingsInvalid(f"setting {name}: {error.sentence}", error.next_step) from None
    if not keys_match(key, chain[0].public_key()):
        raise SettingsInvalid(
            f"setting operators_tls_key: {key_file} is not the key of the first certificate in {certificate}",
            "Put the server's own certificate first, then its intermediates. And name its key.",
        )
    return chain, key


def _content(path: Path) -> bytes:
    return read_file(path, limit=_MAX_PEM_BYTES)
