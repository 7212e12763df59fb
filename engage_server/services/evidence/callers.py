"""Which hosts the devices of a site call, and who still calls one that the site has no more.

A host is known from the Host header of a notice or a call-in; a device that named none is not counted.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from engage_server.errors import HostInvalid
from engage_server.records import Host, Site
from engage_server.store.interface import EvidenceStore

CALLED_LATELY = timedelta(days=30)
_SHOWN = 5
_HOSTS = 10


@dataclass(frozen=True, slots=True)
class HostCallers:
    """Who calls a host.

    Attributes:
        host: The host.
        devices: How many.
        examples: Some of them.
    """

    host: Host
    devices: int
    examples: tuple[str, ...]


def callers_of_host(store: EvidenceStore, site: str, host: Host, now: datetime) -> HostCallers:
    """Which devices of a site still call a host: those that named it last, and were seen within 30 days."""
    count, names = store.callers_of_host(site, host.text, now - CALLED_LATELY, _SHOWN)
    return HostCallers(host, count, tuple(names))


def callers_of_other_hosts(store: EvidenceStore, site: Site, now: datetime, release: int = 0) -> list[HostCallers]:
    """Who calls a host that is none of the site's, such as one that was taken away; the most called first.

    Args:
        store: Where the evidence rests.
        site: The site.
        now: Aware.
        release: Hosts of devices that finished TLS with this one are left out: they take it whatever they call.
    """
    known = [host.text for host in site.hosts]
    called = store.other_hosts_called(site.name, known, now - CALLED_LATELY, release, _HOSTS)
    found = []
    for text in called:
        with suppress(HostInvalid):  # what a client sent as its Host may be anything
            found.append(callers_of_host(store, site.name, Host.parse(text), now))
    return found
