"""What a device checks besides validation: the size of the chain, the keys, and the host name."""

import ipaddress
from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from service_identity import CertificateError, VerificationError
from service_identity.hazmat import DNS_ID, DNSPattern, IPAddress_ID, IPAddressPattern, verify_service_identity

from engage_server.errors import CertificateInvalid
from engage_server.lock.firmware import Firmware
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.refusal import DeviceRefusal
from engage_server.pki.encodings import assert_readable
from engage_server.pki.extensions import extension


def assert_chain(
    sent: Iterable[x509.Certificate], anchor: x509.Certificate, limits: DeviceLimits, firmware: Firmware
) -> int:
    """Check the size of a chain and of its keys.

    Returns:
        The size in bytes: the anchor, sent or not, and each other certificate as often as it is sent.

    Raises:
        DeviceRefusal: The chain or a key is too long.
    """
    sent = list(sent)
    for certificate in sent:
        try:
            assert_readable(certificate, source="the chain")
        except CertificateInvalid as error:
            raise DeviceRefusal(error.sentence, error.next_step) from None
    form, form_name = (Encoding.PEM, "PEM") if firmware.counts_pem else (Encoding.DER, "DER")
    whole = [anchor, *(certificate for certificate in sent if certificate != anchor)]
    total = sum(len(certificate.public_bytes(form)) for certificate in whole)
    if total > limits.chain_der_bytes:
        raise DeviceRefusal(
            f"the chain has {total} bytes of {form_name} with its anchor; "
            f"devices accept at most {limits.chain_der_bytes}",
            "Shorten names, SAN and extensions. engage chain build shows the size of each.",
        )
    for certificate in whole:
        bits = key_bits_of(certificate)
        if bits > limits.rsa_key_bits:
            name = certificate.subject.rfc4514_string()
            raise DeviceRefusal(f"{name}: the key has {bits} bits; devices accept at most {limits.rsa_key_bits}")
    return total


def assert_name(certificate: x509.Certificate | None, host: str, firmware: Firmware) -> None:
    """Check that the server certificate is for the host that was called. None: the host sent no certificate.

    Raises:
        DeviceRefusal: It is for another host.
    """
    if certificate is not None and is_for(certificate, host):
        return
    if firmware.reads_common_name and certificate is not None and _is_named_so(certificate, host):
        return
    raise DeviceRefusal(
        f"the server certificate is not for {host}, but for {_names(certificate)}",
        "If devices should call this host, name it with the others and renew: engage site change NAME --host ..., then "
        f"engage rotate start. Or build a chain for it: engage chain build DIR --host {host}. "
        "Otherwise correct the host in the device.",
    )


def is_for(certificate: x509.Certificate, host: str) -> bool:
    """Whether the subject alternative name contains the host: a name as a name, an address as an address."""
    names = extension(certificate, x509.SubjectAlternativeName)
    if names is None:
        return False
    addresses = (ipaddress.ip_address(str(each)) for each in names.get_values_for_type(x509.IPAddress))
    patterns: list[DNSPattern | IPAddressPattern] = [IPAddressPattern(each) for each in addresses]
    for name in names.get_values_for_type(x509.DNSName):
        try:
            patterns.append(DNSPattern.from_bytes(name.encode()))
        except CertificateError:
            continue  # an invalid pattern does not affect the others
    wanted = IPAddress_ID(host) if is_address(host) else DNS_ID(host)
    try:
        return bool(verify_service_identity(patterns, obligatory_ids=[wanted], optional_ids=[]))
    except (VerificationError, CertificateError):
        return False


def _names(certificate: x509.Certificate | None) -> str:
    if certificate is None:
        return "nothing, because it sent no certificate"
    san = extension(certificate, x509.SubjectAlternativeName)
    if san is None:
        return "nothing, because it has no subject alternative name"
    return ", ".join(str(name.value) for name in san) or "nothing"


def _is_named_so(certificate: x509.Certificate, host: str) -> bool:
    """Whether there is no subject alternative name and the common name is the host."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    has_san = extension(certificate, x509.SubjectAlternativeName) is not None
    return not has_san and any(name.value == host for name in names)


def key_bits_of(certificate: x509.Certificate) -> int:
    """The size of the RSA key in bits.

    Raises:
        DeviceRefusal: The key is not RSA.
    """
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise DeviceRefusal(f"{certificate.subject.rfc4514_string()}: the key is not RSA", "Use RSA-2048.")
    return key.key_size


def is_address(host: str) -> bool:
    """Whether a host is an IP address. Addresses are never sent as server name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
