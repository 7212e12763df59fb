"""Where the ingress listens: TLS hosts, and plain listeners on private addresses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from engage_server.links.registry.table import Between, Matching, Where, read_table
from engage_server.records import IPNetwork, read_address, read_network

Service = Literal["kpn", "kpn-ingestion", "m2u", "telekom-ta", "telekom-pe"]
ClientCertificates = Literal["none", "optional", "required"]
Port = Annotated[int, Between(1, 65535)]

# the document of KPN sends plain HTTP inside its private network; all others have a login or a signature in TLS
_PLAIN_SERVICE = "kpn-ingestion"
_HOST_NAME = Matching(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", "a host name in lower case, without a final dot")

# No stranger can call these: RFC 1918, RFC 4193, loopback, link-local, and RFC 6598 (operators' own NAT).
_PRIVATE = tuple(
    read_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10"),
        *("fc00::/7", "::1/128", "fe80::/10"),
    )
)


@dataclass(frozen=True, slots=True)
class _HostKeys:
    certificate_file: Path
    key_file: Path
    serves: tuple[Service, ...]
    name: str | None = None
    bind: str | None = None
    port: Port | None = None
    key_passphrase_file: Path | None = None
    client_certificates: ClientCertificates = "none"
    client_ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class HostTable:
    """A name that partners call in TLS.

    Attributes:
        table: The name of its table. It is what :attr:`~..ingress.call.Call.host` says.
        name: The host name, in lower case. The table's, if it gives no other: two tables may have one name if their
            ports differ.
        bind, port: Where it listens.
        certificate_file: The server's certificate and its intermediates, PEM.
        key_file: Its private key, PEM.
        key_passphrase_file: Of an encrypted key.
        serves: Which services exist on it. Never empty.
        client_certificates: Whether TLS asks callers for a certificate.
        client_ca_file: What a caller's certificate must chain to. Set unless none is asked for.
        where: Where it stands.
    """

    table: str
    name: str
    bind: str
    port: int
    certificate_file: Path
    key_file: Path
    key_passphrase_file: Path | None
    serves: tuple[str, ...]
    client_certificates: ClientCertificates
    client_ca_file: Path | None
    where: Where

    @classmethod
    def read(cls, table: str, values: Mapping[str, object], where: Where, bind: str, port: int) -> "HostTable":
        """Read ``[hosts.NAME]``.

        Raises:
            SettingsInvalid: A key is unknown, missing or wrong.
        """
        keys = read_table(_HostKeys, values, where)
        name = (keys.name or table).lower()
        if complaint := _HOST_NAME.complaint(name):
            raise where.refused(complaint, "Rename the table, or give it a key: name = ...", "name")
        _assert_serves(keys.serves, where)
        _assert_client_ca(keys, where)
        return cls(
            table,
            name,
            _assert_address(keys.bind or bind, where),
            keys.port or port,
            keys.certificate_file,
            keys.key_file,
            keys.key_passphrase_file,
            keys.serves,
            keys.client_certificates,
            keys.client_ca_file,
            where,
        )


@dataclass(frozen=True, slots=True)
class _PlainKeys:
    bind: str
    port: Port
    serves: tuple[Service, ...]
    networks: tuple[IPNetwork, ...]


@dataclass(frozen=True, slots=True)
class PlainTable:
    """A plain HTTP listener on a private address.

    Attributes:
        table: The name of its table.
        bind, port: Where it listens: never an address that strangers reach.
        serves: Which services exist on it.
        networks: Whose callers get an answer. All others get 404.
        where: Where it stands.
    """

    table: str
    bind: str
    port: int
    serves: tuple[str, ...]
    networks: tuple[IPNetwork, ...]
    where: Where

    @classmethod
    def read(cls, table: str, values: Mapping[str, object], where: Where) -> "PlainTable":
        """Read ``[plain.NAME]``.

        Raises:
            SettingsInvalid: A key is unknown, missing or wrong, or the address is not private.
        """
        keys = read_table(_PlainKeys, values, where)
        _assert_serves(keys.serves, where)
        secret = [service for service in keys.serves if service != _PLAIN_SERVICE]
        if secret:
            raise where.refused(
                f"{secret[0]} is served in TLS only",
                f"Serve it on a host, as [hosts.NAME]. Plain HTTP is for {_PLAIN_SERVICE}.",
                "serves",
            )
        if not keys.networks:
            raise where.refused(
                "it must name a network", "Name the callers' networks, such as 10.151.0.0/16.", "networks"
            )
        bind = _assert_address(keys.bind, where)
        if not is_private(bind):
            raise where.refused(
                f"{bind} is not a private address, and this listener has no TLS",
                "Listen on the address inside the private network, or use a host with TLS.",
                "bind",
            )
        return cls(table, bind, keys.port, keys.serves, keys.networks, where)


def is_private(address: str) -> bool:
    """Whether only private networks reach an address. Not so for the wildcards 0.0.0.0 and ``::``."""
    parsed = read_address(address)
    return parsed is not None and any(parsed in network for network in _PRIVATE)


def is_private_network(network: IPNetwork) -> bool:
    """Whether no stranger can have an address of a network: it lies in one of the private networks as a whole."""
    ends = (read_address(str(network[0])), read_address(str(network[-1])))
    return any(all(end is not None and end in private for end in ends) for private in _PRIVATE)


def _assert_serves(serves: Sequence[str], where: Where) -> None:
    if not serves:
        raise where.refused(
            "it serves nothing", 'Name at least one service, such as serves = ["m2u"], or remove the table.', "serves"
        )
    doubled = [service for service in serves if serves.count(service) > 1]
    if doubled:
        raise where.refused(f"{doubled[0]} stands there twice", "Remove one of them.", "serves")


def _assert_client_ca(keys: _HostKeys, where: Where) -> None:
    if keys.client_certificates != "none" and keys.client_ca_file is None:
        raise where.refused(
            "client certificates are asked for, but nothing says whose",
            "Add client_ca_file. 'engage m2u client-certificate' makes such a file.",
            "client_certificates",
        )
    if keys.client_certificates == "none" and keys.client_ca_file is not None:
        raise where.refused(
            "it is never used, because no client certificate is asked for",
            'Add client_certificates = "optional" or "required", or remove this key.',
            "client_ca_file",
        )


def _assert_address(text: str, where: Where) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise where.refused("it is not an IP address", "Use an address of this machine, or 0.0.0.0.", "bind") from None


def listens_everywhere(address: str) -> bool:
    """Whether it is a wildcard."""
    return ip_address(address).is_unspecified
