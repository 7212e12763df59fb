"""What a device holds the presented chain against, besides validation: its room, its keys, the name it called."""

import ipaddress
from collections.abc import Iterable

import service_identity
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID, NameOID
from OpenSSL import SSL
from service_identity.pyopenssl import verify_hostname, verify_ip_address

from engage_server.errors import CertificateInvalid
from engage_server.lock.firmware import Firmware
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.refusal import DeviceRefusal
from engage_server.pki.encodings import assert_readable


def assert_chain(
    sent: Iterable[x509.Certificate], anchor: x509.Certificate, limits: DeviceLimits, firmware: Firmware
) -> int:
    """Hold a chain against the device's room and key size.

    Returns:
        Its bytes, the anchor counted once.

    Raises:
        DeviceRefusal: It is too long, or a key is.
    """
    sent = list(sent)
    for certificate in sent:
        try:
            assert_readable(certificate, source="the chain")
        except CertificateInvalid as error:
            raise DeviceRefusal(error.sentence, error.next_step) from None
    form, form_name = (Encoding.PEM, "PEM") if firmware.counts_pem else (Encoding.DER, "DER")
    whole = {certificate.public_bytes(form): certificate for certificate in [*sent, anchor]}
    total = sum(map(len, whole))
    if total > limits.chain_der_bytes:
        raise DeviceRefusal(
            f"the chain has {total} bytes of {form_name} with its anchor; devices hold {limits.chain_der_bytes}",
            "Shorten names, SAN and extensions: engage chain build shows what each costs.",
        )
    for certificate in whole.values():
        bits = key_bits_of(certificate)
        if bits > limits.rsa_key_bits:
            name = certificate.subject.rfc4514_string()
            raise DeviceRefusal(f"{name}: the key has {bits} bits; devices take {limits.rsa_key_bits}")
    return total


def assert_name(connection: SSL.Connection, host: str, firmware: Firmware) -> None:
    """Hold the server certificate against the host that was called.

    Raises:
        DeviceRefusal: It is for another.
    """
    try:
        if is_address(host):
            verify_ip_address(connection, host)
        else:
            verify_hostname(connection, host)
    except (service_identity.VerificationError, service_identity.CertificateError):
        certificate = connection.get_peer_certificate(as_cryptography=True)
        if firmware.reads_common_name and certificate is not None and _is_named_so(certificate, host):
            return
        raise DeviceRefusal(
            f"the server certificate is not for {host}, but for {_names(certificate)}",
            f"Build the chain with --host {host}: an address counts as an address, a name as a name.",
        ) from None


def _names(certificate: x509.Certificate | None) -> str:
    if certificate is None:
        return "nothing: it sent no certificate"
    try:
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return ", ".join(str(name.value) for name in san) or "nothing"
    except (ValueError, x509.ExtensionNotFound):
        return "nothing: it has no subject alternative name"


def _is_named_so(certificate: x509.Certificate, host: str) -> bool:
    """Whether there is no subject alternative name, and the common name is the host."""
    kinds = [extension.oid for extension in certificate.extensions]
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return ExtensionOID.SUBJECT_ALTERNATIVE_NAME not in kinds and any(name.value == host for name in names)


def key_bits_of(certificate: x509.Certificate) -> int:
    """The size of the RSA key.

    Raises:
        DeviceRefusal: It is not RSA.
    """
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise DeviceRefusal(f"{certificate.subject.rfc4514_string()}: the key is not RSA", "Use RSA-2048.")
    return key.key_size


def is_address(host: str) -> bool:
    """Whether a host is an address, which is never sent as server name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
