"""Finds the hosts that devices of a site call, and the devices that still call a host which the site no longer has.

The host is known from the Host header of a notice or a call-in. A device that sent none is not counted.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
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
