"""What ``links.toml`` says about a link of KPN Things."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from engage_server.errors import UsageError
from engage_server.links.kpn.shared_secrets import SecretKind, assert_usable
from engage_server.links.registry.links_file import Link
from engage_server.links.registry.listeners import is_private_network
from engage_server.links.registry.secret_file import read_secret_file
from engage_server.links.registry.table import Between, Matching, read_table
from engage_server.records import IPNetwork, Secret

M2M_ADDRESS = "10.151.236.157"  # KPN Things, "Network connection"; the network has no DNS
INTERNET_URL = "https://prod.dm.kpnthings.com/ingestion/ip/senml/v1"  # docs.kpnthings.com/dm/connectivity/internet

_UUID = r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"


@dataclass(frozen=True, slots=True)
class KpnKeys:
    """The keys of a link whose partner is ``kpn``.

    Attributes:
        destination: The last part of the address that KPN's HTTPS destination calls: ``POST /kpn/<destination>``.
        secret_file: Holds that destination's secret.
        success_status: What the destination expects. Configured at KPN; its own example is 200.
        private_network: Devices without a secret are accepted from here only.
        imei, device_uuid: Under which of them ``engage kpn send`` reports.
        device_secret_file: Holds the shared secret of that device.
        m2m_address: Where ``engage kpn send`` sends plain HTTP: address, or address and port.
        internet_url: Where it sends with ``--internet``.
    """

    destination: Annotated[str, Matching(r"[A-Za-z0-9._-]{1,64}", "letters, digits, '.', '_' and '-'")] | None = None
    secret_file: Path | None = None
    success_status: Annotated[int, Between(200, 299)] = 200
    private_network: IPNetwork | None = None
    imei: Annotated[str, Matching(r"[0-9]{15}", "15 digits")] | None = None
    device_uuid: Annotated[str, Matching(_UUID, "a UUID")] | None = None
    device_secret_file: Path | None = None
    m2m_address: str = M2M_ADDRESS
    internet_url: Annotated[str, Matching(r"https://\S+", "an https address")] = INTERNET_URL


@dataclass(frozen=True, slots=True)
class KpnLink:
    """A link of KPN Things, as the ingress uses it.

    Attributes:
        name: Its name in ``links.toml``.
        site: The site that it leads to.
        destination: The last part of its address. "": it has none.
        secret: Of its destination; None without one.
        success_status: What KPN expects from the destination.
        private_network: Devices without a secret are accepted from here only. None: from nowhere.
    """

    name: str
    site: str
    destination: str = ""
    secret: Secret | None = None
    success_status: int = 200
    private_network: IPNetwork | None = None


def read_keys(link: Link) -> KpnKeys:
    """Read what the partner's part of the table says. No file is opened.

    Raises:
        SettingsInvalid: A key is unknown or wrong, or one is there without the other that it needs.
    """
    keys = read_table(KpnKeys, link.rest, link.where)
    if keys.destination is not None and keys.secret_file is None:
        raise link.where.refused("a destination needs its secret", "Add a line: secret_file = ...", "destination")
    if keys.secret_file is not None and keys.destination is None:
        raise link.where.refused("this secret has no destination", "Add a line: destination = ...", "secret_file")
    if keys.private_network is not None and not is_private_network(keys.private_network):
        raise link.where.refused(
            "it is not private: devices without a secret are accepted from there",
            "Name the network of your private APN, such as 10.151.0.0/16.",
            "private_network",
        )
    return keys


def read_link(link: Link) -> KpnLink:
    """Read a link with the secret of its destination.

    Raises:
        SettingsInvalid: A key or the secret's file cannot be used.
    """
    keys = read_keys(link)
    secret = None if keys.secret_file is None else _secret(link, keys.secret_file)
    return KpnLink(
        name=link.name,
        site=link.site,
        destination=keys.destination or "",
        secret=secret,
        success_status=keys.success_status,
        private_network=keys.private_network,
    )


def _secret(link: Link, file: Path) -> Secret:
    secret = read_secret_file(file)
    try:
        assert_usable(secret, SecretKind.DESTINATION, str(file))
    except UsageError as error:
        raise link.where.refused(error.sentence, error.next_step, "secret_file") from None
    return secret
