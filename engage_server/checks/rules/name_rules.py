"""Rules on the names in the server certificate: it has to be for the hosts that devices call."""

import ipaddress
from collections.abc import Iterator, Sequence

from cryptography import x509
from cryptography.x509.oid import NameOID

from engage_server.checks.case import ChainCase, extension
from engage_server.checks.finding import Finding, Severity, about
from engage_server.records import Host
from engage_server.shown_text import without_controls

HOST_MISSING = "san.host_missing"
_SHOWN = 4  # names of a SAN in a finding


def every_host_is_named(case: ChainCase) -> Iterator[Finding]:
    """Every host is in the SAN: a name as dNSName, an address as iPAddress."""
    san = extension(case.server, x509.SubjectAlternativeName)
    name = about(case.server)
    if san is None:
        yield Finding(
            Severity.ERROR,
            "san.missing",
            sentence="it has no subject alternative name (SAN), so devices find no host name in it",
            certificate=name,
            source="RFC 6125 section 6.4.4; reported from the field: SAN is matched",
            mend="Issue it again with every host in the SAN.",
        )
        return
    for host in case.at.hosts:
        if not is_named(host, san):
            yield _host_missing(host, name, san)


def is_about(finding: Finding, hosts: Sequence[Host]) -> bool:
    """Whether a finding says that one of these hosts is missing from a server certificate."""
    return finding.code == HOST_MISSING and finding.limit in {host.text for host in hosts}


def _host_missing(host: Host, certificate: str, san: x509.SubjectAlternativeName) -> Finding:
    named = _named_in(san)
    return Finding(
        Severity.ERROR,
        HOST_MISSING,
        sentence=f"devices call {host}, which is not in its SAN as {'an address' if host.is_address else 'a name'}; "
        f"the SAN has {named}",
        certificate=certificate,
        source="RFC 6125 section 6.4 and RFC 2818 section 3.1",
        mend=f"Issue it again with {host} in its SAN. Or leave this host out, if no device calls it.",
        measured=named,
        limit=host.text,
    )


def _named_in(san: x509.SubjectAlternativeName) -> str:
    """The hosts of a SAN for people: the first few, because a SAN may have hundreds."""
    names = [*san.get_values_for_type(x509.DNSName), *map(str, san.get_values_for_type(x509.IPAddress))]
    shown = without_controls(", ".join(names[:_SHOWN]))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{shown}{more}" if names else "no host"


def common_name_is_a_host(case: ChainCase) -> Iterator[Finding]:
    """The common name is one of the hosts: one of the vendor's desktop tools still compares it."""
    found = [a.value for a in case.server.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if case.at.hosts and not any(host.text == value for host in case.at.hosts for value in found):
        yield Finding(
            Severity.NOTE,
            "server.common_name",
            sentence="its common name is not one of the hosts; one of the vendor's desktop tools needs it",
            certificate=about(case.server),
            source="the vendor's pages",
            mend="Issue it again with the first host as its common name.",
        )


def unnamed_hosts(server: x509.Certificate, hosts: Sequence[Host]) -> tuple[Host, ...]:
    """The hosts that a server certificate is not for. Devices that call one of them refuse the certificate."""
    san = extension(server, x509.SubjectAlternativeName)
    return tuple(host for host in hosts if san is None or not is_named(host, san))


def is_named(host: Host, san: x509.SubjectAlternativeName) -> bool:
    """Whether a host is in the SAN, as a name or as an address. A wildcard covers one label."""
    if host.is_address:
        return ipaddress.ip_address(host.text) in san.get_values_for_type(x509.IPAddress)
    names = {name.lower() for name in san.get_values_for_type(x509.DNSName)}
    _, _, parent = host.text.partition(".")
    # a wildcard covers exactly one label, the leftmost (RFC 6125 section 6.4.3)
    return host.text in names or ("." in parent and f"*.{parent}" in names)
