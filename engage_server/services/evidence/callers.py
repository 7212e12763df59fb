"""Finds the hosts that devices of a site call, and the devices that still call a host which the site no longer has.

The host is known from the Host header of a notice or a call-in. A device that sent none is not counted.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Protocol

from engage_server.errors import HostInvalid
from engage_server.records import NO_LABEL, Host, NamedDevice, Site
from engage_server.store.interface import EvidenceStore, SiteStore

CALLED_LATELY = timedelta(days=30)
_SHOWN = 5
_HOSTS = 10


@dataclass(frozen=True, slots=True)
class HostCallers:
    """The devices that call a host.

    Attributes:
        host: The host.
        devices: How many devices call it.
        examples: Some of them.
    """

    host: Host
    devices: int
    examples: tuple[NamedDevice, ...]


class CallersStore(EvidenceStore, SiteStore, Protocol):
    """The part of the store that this needs."""


def callers_of_host(store: CallersStore, site: str, host: Host, now: datetime) -> HostCallers:
    """The devices of a site that still call a host: they named it last, and were seen within 30 days."""
    count, names = store.callers_of_host(site, host.text, now - CALLED_LATELY, _SHOWN)
    labels = store.device_labels(site, names) if names else {}
    return HostCallers(host, count, tuple(NamedDevice(each, labels.get(each, NO_LABEL)) for each in names))


def callers_of_other_hosts(store: CallersStore, site: Site, now: datetime, release: int = 0) -> list[HostCallers]:
    """The devices that call a host that the site does not have, such as a removed one. The most called host is first.

    Args:
        store: Holds the evidence.
        site: The site.
        now: The time, timezone-aware.
        release: Devices that finished TLS with this release are left out: they accept it whatever they call.
    """
    known = [host.text for host in site.hosts]
    called = store.other_hosts_called(site.name, known, now - CALLED_LATELY, release, _HOSTS)
    found = []
    for text in called:
        with suppress(HostInvalid):  # a client may send anything as its Host
            found.append(callers_of_host(store, site.name, Host.parse(text), now))
    return found


class KnownCallers:
    """Who calls which host, by the evidence.

    Args:
        store: Holds the evidence.
    """

    def __init__(self, store: CallersStore) -> None:
        self._callers = store

    def callers_of_host(self, site: str, host: Host, now: datetime) -> HostCallers:
        """The devices of a site that still call a host; see :func:`.callers.callers_of_host`."""
        return callers_of_host(self._callers, site, host, now)

    def callers_of_own_hosts(self, site: Site, now: datetime) -> tuple[HostCallers, ...]:
        """The devices of a site that call each of its hosts. It takes most of a second for a million devices."""
        return tuple(callers_of_host(self._callers, site.name, host, now) for host in site.hosts)

    def callers_of_other_hosts(self, site: Site, now: datetime) -> list[HostCallers]:
        """The devices that call hosts which the site does not have; see :func:`.callers.callers_of_other_hosts`."""
        return callers_of_other_hosts(self._callers, site, now)


SHARED_DAYS = timedelta(days=2)  # in which each door calls at least once
FEWEST = 8  # doors at one address: of more, the store keeps no more


def balancers_address(store: CallersStore, now: datetime) -> str:
    """The address that all doors of all sites have, as behind a balancer that does not say theirs. "" if there is none.

    1. Sites for trials do not count: a fleet of virtual locks calls from one machine. Nor do sites that nobody called.
    2. Sites with different addresses may each be behind a NAT. Nothing is wrong then.
    3. A few doors may well have one address. And somebody who tries the product has the address of this machine.
    4. If a site admits this one address alone, somebody has named it.

    With one site nobody can see from here whether it is the NAT of the site: so it is a question, and no fault.

    Args:
        store: Holds the evidence.
        now: The time, timezone-aware.
    """
    found: dict[str, int] = {}
    for site in store.sites():
        if site.for_trials:  # 1
            continue
        only = store.only_address(site.name, now - SHARED_DAYS)
        if only is not None and not only[0]:  # 1
            continue
        if only is None or site.device_networks == (ip_network(only[0]),):  # 4
            return ""
        found[only[0]] = found.get(only[0], 0) + only[1]
    if len(found) != 1:  # 2
        return ""
    ((address, doors),) = found.items()
    return address if doors >= FEWEST and not ip_address(address).is_loopback else ""  # 3


def one_address_words(address: str) -> str:
    """What is said of it, with what to do."""
    return (
        f"all doors that called in the last two days have the address {address}. If a balancer has it, doors lose "
        "their evidence: let it say their addresses, and name it in proxy_protocol_from. If it is the NAT of the "
        "site, nothing is wrong"
    )
