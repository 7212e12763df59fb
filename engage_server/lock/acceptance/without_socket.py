"""Decides without a socket whether a device accepts a chain: for simulated time, and for many chains."""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import crypto

from engage_server.lock.acceptance.chain import assert_chain, is_for
from engage_server.lock.acceptance.openssl_errors import verification_advice, verification_sentence
from engage_server.lock.acceptance.small_stack import assert_small_stacks_take
from engage_server.lock.firmware import Firmware, TlsVersion
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.refusal import DeviceRefusal
from engage_server.pki.chain import signature_hash
from engage_server.pki.extensions import extension
from engage_server.pki.netscape_type import MALFORMED, NETSCAPE_SSL_SERVER, netscape_types

# X509_V_ERR_... of x509_vfy.h
_WRONG_PURPOSE, _KEY_TOO_SMALL, _HASH_TOO_WEAK = 26, 66, 68
_LEAST_BITS = 2048


def assert_accepted(
    sent: Sequence[x509.Certificate],
    anchor: x509.Certificate,
    host: str,
    now: datetime,
    limits: DeviceLimits,
    firmware: Firmware,
) -> None:
    """Judge a chain as the handshake in ``transport/tls.py`` does.

    Args:
        sent: The certificates that the TLS server sends, server certificate first.
        anchor: The certificate that the device trusts.
        host: The host that the device called.
        now: Timezone-aware. The clock error of the device is added.
        limits: The limits of the device.
        firmware: The firmware of the device.

    Raises:
        DeviceRefusal: The device does not accept the chain.
    """
    if not sent:
        raise DeviceRefusal("no certificate was sent")
    _assert_path(sent, anchor, now, firmware)
    _assert_usage(sent)
    _assert_strength(sent, anchor, firmware)
    assert_chain(sent, anchor, limits, firmware)
    assert_small_stacks_take(sent, anchor, now + firmware.clock_error)
    _assert_name(sent[0], host)


def _assert_path(sent: Sequence[x509.Certificate], anchor: x509.Certificate, now: datetime, firmware: Firmware) -> None:
    store = crypto.X509Store()
    store.add_cert(crypto.X509.from_cryptography(anchor))
    store.set_time(now + firmware.clock_error)
    if firmware.accepts_partial_chain:
        store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    others = [crypto.X509.from_cryptography(certificate) for certificate in sent[1:]]
    context = crypto.X509StoreContext(store, crypto.X509.from_cryptography(sent[0]), others)
    try:
        context.verify_certificate()
    except crypto.X509StoreContextError as error:
        code, depth = error.errors[0], error.errors[1]
        raise DeviceRefusal(verification_sentence(code, depth), verification_advice(code)) from None


def _assert_usage(sent: Sequence[x509.Certificate]) -> None:
    """Check the usages as OpenSSL does for a TLS server: an extended key usage limits a CA, too."""
    types = netscape_types(sent[0])
    if types == MALFORMED or (types is not None and not types & NETSCAPE_SSL_SERVER):
        raise DeviceRefusal(verification_sentence(_WRONG_PURPOSE, 0), verification_advice(_WRONG_PURPOSE))
    for depth, certificate in enumerate(sent):
        usages = extension(certificate, x509.ExtendedKeyUsage)
        if usages is not None and ExtendedKeyUsageOID.SERVER_AUTH not in usages:
            raise DeviceRefusal(verification_sentence(_WRONG_PURPOSE, depth), verification_advice(_WRONG_PURPOSE))


def _assert_strength(sent: Sequence[x509.Certificate], anchor: x509.Certificate, firmware: Firmware) -> None:
    """Apply OpenSSL's default security level, except for a device with old TLS, which cannot have it."""
    if firmware.ciphers or firmware.oldest_tls.value < TlsVersion.TLS_1_2.value:
        return
    for depth, certificate in enumerate((*sent, anchor)):
        key = certificate.public_key()
        if isinstance(key, rsa.RSAPublicKey) and key.key_size < _LEAST_BITS:
            raise DeviceRefusal(verification_sentence(_KEY_TOO_SMALL, depth), verification_advice(_KEY_TOO_SMALL))
        if certificate != anchor and isinstance(signature_hash(certificate), hashes.SHA1 | hashes.MD5):
            raise DeviceRefusal(verification_sentence(_HASH_TOO_WEAK, depth), verification_advice(_HASH_TOO_WEAK))


def _assert_name(server: x509.Certificate, host: str) -> None:
    if not is_for(server, host):
        raise DeviceRefusal(
            f"the server certificate is not for {host}", f"Build the chain with --host {host}."
        ) from None
