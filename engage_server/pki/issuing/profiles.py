"""The extensions and lifetimes of the three kinds of certificate.

Profiles contain no key and no issuer, so a CSR for an external CA can use the same table.
"""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from engage_server.errors import UsageError
from engage_server.records import Host

DEFAULT_ROOT_DAYS = 7305  # 20 years: longer than the doors' hardware lasts, so no root expires unexpectedly
DEFAULT_INTERMEDIATE_DAYS = 3653  # 10 years
DEFAULT_SERVER_DAYS = 825  # the most that the strictest common client accepts (Apple, HT210176)

# A device's clock can be wrong after a battery loss. A week also covers a gateway that was set by hand.
BACKDATE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class CertificateProfile:
    """The extensions of one kind of certificate.

    Attributes:
        role: ``root``, ``intermediate`` or ``server``.
        is_ca: The CA flag in the basic constraints.
        path_length: The path length of a CA. None means unlimited. It must be None for a root: with ``pathlen:1``, a
            link certificate could never replace it.
        server_auth: Whether the extended key usage includes TLS servers.
    """

    role: str
    is_ca: bool
    path_length: int | None
    server_auth: bool

    def extensions(self, hosts: tuple[Host, ...] = ()) -> list[tuple[x509.ExtensionType, bool]]:
        """The (extension, critical) pairs, without the key identifiers, which depend on the keys.

        Args:
            hosts: For a server certificate, every name and address that it is valid for.
        """
        found: list[tuple[x509.ExtensionType, bool]] = [
            (x509.BasicConstraints(ca=self.is_ca, path_length=self.path_length), True),
            (_key_usage(is_ca=self.is_ca), True),
        ]
        if self.server_auth:
            found.append((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False))
        if hosts:
            found.append((x509.SubjectAlternativeName([general_name(host) for host in hosts]), False))
        return found


ROOT = CertificateProfile("root", is_ca=True, path_length=None, server_auth=False)
INTERMEDIATE = CertificateProfile("intermediate", is_ca=True, path_length=0, server_auth=False)
SERVER = CertificateProfile("server", is_ca=False, path_length=None, server_auth=True)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How many days each certificate is valid, including the backdating.

    None means the default, shortened to the lifetime of the issuer.
    """

    root_days: int | None = None
    intermediate_days: int | None = None
    server_days: int | None = None

    def resolved(self) -> tuple[int, int, int]:
        """The days for root, intermediate and server certificate. None is longer than the one before.

        Raises:
            UsageError: A given lifetime is too short to be useful, or longer than that of the issuer.
        """
        root = _days("root", self.root_days, DEFAULT_ROOT_DAYS, None)
        intermediate = _days("intermediate", self.intermediate_days, DEFAULT_INTERMEDIATE_DAYS, root)
        server = _days("server", self.server_days, DEFAULT_SERVER_DAYS, intermediate)
        return root, intermediate, server


DEFAULT_LIFETIMES = Lifetimes()


def validity(now: datetime, days: int) -> tuple[datetime, datetime]:
    """The validity (notBefore, notAfter): both inclusive (RFC 5280 section 4.1.2.5), in whole seconds, UTC.

    Raises:
        UsageError: notAfter would be after the year 9999.
    """
    not_before = now.replace(microsecond=0) - BACKDATE
    try:
        return not_before, not_before + timedelta(days=days, seconds=-1)
    except OverflowError:
        raise UsageError(f"a lifetime of {days} days ends after the year 9999", "Give fewer days.") from None


def general_name(host: Host) -> x509.GeneralName:
    """The SAN entry: iPAddress for an address, dNSName for a name. Devices do not accept one for the other."""
    if host.is_address:
        return x509.IPAddress(ipaddress.ip_address(host.text))
    return x509.DNSName(host.text)


def _key_usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca,
        key_encipherment=not is_ca,  # RSA key exchange, which the oldest devices may need
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _days(role: str, given: int | None, default: int, issuer_days: int | None) -> int:
    if given is None:
        return default if issuer_days is None else min(default, issuer_days)
    if given <= BACKDATE.days:
        raise UsageError(
            f"the {role} certificate would be valid for {given} days, {BACKDATE.days} of them before today",
            f"Give --{role}-days more than {BACKDATE.days}. notBefore is backdated for devices with a wrong clock.",
        )
    if issuer_days is not None and given > issuer_days:
        raise UsageError(
            f"the {role} certificate would be valid for {given} days, but its issuer only for {issuer_days}",
            f"Give --{role}-days at most {issuer_days}, or give the issuer more days.",
        )
    return given
