"""Checks that devices can find this host, and that its ports answer."""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NoAnswer
from contextlib import closing
from dataclasses import dataclass
from itertools import count

from engage_server.records import Host, Site
from engage_server.services.installation.checkup import PROCESS_HEADER, Check, Level

_SECONDS = 3.0
_NAMES_AT_ONCE = 8
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # the address that a client can call
_UNITS = {"http": "the plain instance", "https": "the TLS instance", "operators": "the operators' instance"}


@dataclass(frozen=True, slots=True)
class PortUse:
    """A port on which one of our instances should listen.

    Attributes:
        listener: ``http``, ``https`` or ``operators``.
        address, port: Where the instance should listen.
    """

    listener: str
    address: str
    port: int


def look_at_ports(
    ports: Sequence[PortUse], running: Mapping[str, int] | None, silent: Collection[str] = ()
) -> list[Check]:
    """Check whether each port is used by our instance, unused, or used by another program.

    Args:
        ports: The ports that our instances should use.
        running: How many live workers of this host each listener has, according to the store; None if the store
            cannot be asked.
        silent: The listeners with a worker of this host that stopped reporting without signing off.
    """
    return [
        _port(each, None if running is None else running.get(each.listener, 0), each.listener in silent)
        for each in ports
    ]


def look_at_operators(
    port: PortUse, host: str, ours: Collection[int] | None = None, devices: Collection[int] = (), *, has_tls: bool
) -> Check:
    """Check that the operators' instance answers. Without it no sighting is stored, and no rotation continues.

    Args:
        port: Where it should listen.
        host: A host that it answers for, as in a URL.
        ours: The processes of this installation's operators' instance on this host, according to the store; None if
            the store cannot be asked. Then it is not known whose instance answers.
        devices: The ports of the other two instances, which this one cannot have.
        has_tls: Whether it does TLS. Its certificate is not checked: this is the same machine.
    """
    where = _shown(port)
    try:
        with closing(_connection(port, has_tls=has_tls)) as connection:
            connection.request("GET", "/readyz", headers={"Host": host})
            answer = connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        return _no_operators(where, why, runs=bool(ours))
    if answer.status == 421:
        return Check(
            "operators",
            Level.PROBLEM,
            f"the operators' instance on {where} does not answer for {host}: it has other settings than these",
            "Let it read the settings again: kill -HUP. Or call doctor with its settings: --config FILE.",
        )
    if ours is not None and (answer.getheader(PROCESS_HEADER) or "") not in map(str, ours):
        free = next(each for each in count(port.port + 1) if each not in devices)
        return _other_operators(where, free, runs=bool(ours))
    if answer.status == 200:
        how = ", with TLS" if has_tls else ""
        return Check("operators", Level.OK, f"the operators' instance answers on {where}{how}")
    return Check(
        "operators",
        Level.WARNING,
        f"the operators' instance on {where} is not ready (status {answer.status})",
        "Activate a release: engage release activate N --site NAME.",
    )


def look_at_operators_hosts(hosts: Sequence[Host], *, is_reached_from_elsewhere: bool) -> list[Check]:
    """Warn of a listener that other machines can reach, but by no name that it answers for."""
    if not is_reached_from_elsewhere or not all(host.is_this_machine for host in hosts):
        return []
    return [
        Check(
            "operators",
            Level.WARNING,
            "other machines reach the operators' instance, but it answers only for names of this machine",
            "Add the name by which they call it to the setting operators_hosts.",
        )
    ]


def _connection(port: PortUse, *, has_tls: bool) -> http.client.HTTPConnection:
    address = _called(port.address)
    if not has_tls:
        return http.client.HTTPConnection(address, port.port, timeout=_SECONDS)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(address, port.port, timeout=_SECONDS, context=context)


def _no_operators(where: str, why: str, *, runs: bool) -> Check:
    if runs:
        return _elsewhere("operators", f"nothing answers on {where} ({why})", "it was started with another port")
    return Check(
        "operators",
        Level.PROBLEM,
        f"the operators' instance does not answer on {where}: {why}. Sightings stay in the spool, and no rotation "
        "continues",
        "Start it: engage serve, or engage serve operators.",
    )


def _other_operators(where: str, free: int, *, runs: bool) -> Check:
    """Of another installation on this machine, or of an earlier version, which does not name its process."""
    if runs:
        other = f"another installation or an earlier version answers on {where}"
        return _elsewhere("operators", other, "on another port, or it has to be restarted")
    return Check(
        "operators",
        Level.PROBLEM,
        f"another installation answers on {where}, or the operators' instance started a moment ago: none of its "
        "workers is known",
        f"Run 'engage doctor' again in ten seconds. Then start it on a free port: engage serve --operators-port {free}",
    )


def _elsewhere(listener: str, what: str, why: str) -> Check:
    """Our instance runs, but not where it is looked for."""
    return Check(
        "operators" if listener == "operators" else "ports",
        Level.PROBLEM,
        f"{what}, but {_UNITS[listener]} runs here: {why}",
        f"Give that port here as well: engage doctor --{listener}-port PORT. Or set {listener}_port in the settings "
        "file.",
    )


def look_at_names(sites: Sequence[Site]) -> list[Check]:
    """Check that each host that devices call resolves to this host, by this host's own resolver."""
    hosts = list(dict.fromkeys((site.name, host) for site in sites for host in site.hosts))
    with ThreadPoolExecutor(_NAMES_AT_ONCE) as executor:
        asked = [(site, host, executor.submit(addresses_of, host)) for site, host in hosts]
        found: list[Check] = []
        for site, host, future in asked:
            try:
                found.append(_name(site, host, future.result(_SECONDS)))
            except NoAnswer:
                found.append(_unknown(site, host, "no answer in time"))
            except OSError as error:
                found.append(_unknown(site, host, error.strerror or str(error)))
        executor.shutdown(wait=False, cancel_futures=True)
    return found


def addresses_of(host: Host) -> list[str]:
    """The addresses that a host resolves to.

    Raises:
        OSError: It cannot be resolved.
    """
    if host.is_address:
        return [host.text]
    return list(dict.fromkeys(str(each[4][0]) for each in socket.getaddrinfo(host.text, None, type=socket.SOCK_STREAM)))


def is_own(address: str) -> bool:
    """Whether an address belongs to this host. Only such an address can be bound."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with closing(socket.socket(family, socket.SOCK_DGRAM)) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def _name(site: str, host: Host, addresses: Sequence[str]) -> Check:
    elsewhere = [address for address in addresses if not is_own(address)]
    shown = host.text if host.is_address else f"{host.text} ({', '.join(addresses)})"
    if not elsewhere:
        return Check("names", Level.OK, f"{site}: {shown} is this host")
    if any(_is_loopback(address) for address in addresses):
        return Check("names", Level.OK, f"{site}: {shown} is this host")
    return Check(
        "names",
        Level.WARNING,
        f"{site}: {shown} is not an address of this host",
        "If a NAT, a load balancer or another of your hosts has it, nothing. Otherwise correct DNS, or: "
        f"engage site change {site} --host NAME.",
    )


def _unknown(site: str, host: Host, why: str) -> Check:
    return Check(
        "names",
        Level.PROBLEM,
        f"{site}: {host.text} is not known to DNS here ({why}): devices that use the same DNS do not find this host",
        "Add it to DNS. Or correct the site's hosts: engage site change --help.",
    )


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def _port(use: PortUse, workers: int | None, is_silent: bool) -> Check:
    unit, where = _UNITS[use.listener], _shown(use)
    if _is_taken(use):
        who = f"Find out which program: ss -ltnp 'sport = :{use.port}'"
        if workers is None:
            sentence = f"a program listens on {where}: without the database it is not known whether it is {unit}"
            return Check("ports", Level.WARNING, sentence, who)
        if workers or use.listener == "operators":
            return Check("ports", Level.OK, f"{unit} listens on {where}")
        if is_silent:
            sentence = f"a program listens on {where}, but the workers of {unit} no longer report"
            return Check("ports", Level.PROBLEM, sentence, f"{who}. Then check its log, and restart it.")
        return Check(
            "ports",
            Level.PROBLEM,
            f"another program listens on {where}, or {unit} started a moment ago: none of its workers is known",
            f"Run 'engage doctor' again in ten seconds. Then: {who}",
        )
    if workers:
        return _elsewhere(use.listener, f"nothing listens on {where}", "it was started with another port")
    return Check("ports", Level.PROBLEM, f"nothing listens on {where}: {unit} does not run", "Start it: engage serve.")


def _is_taken(use: PortUse) -> bool:
    for address in _addresses_to_try(use.address):
        try:
            with closing(socket.create_connection((address, use.port), timeout=_SECONDS)):
                return True
        except OSError:
            continue
    return False


def _addresses_to_try(bound: str) -> Iterator[str]:
    yield _called(bound)
    if bound == "::":
        yield "127.0.0.1"


def _called(bound: str) -> str:
    return _EVERYWHERE.get(bound, bound)


def _shown(use: PortUse) -> str:
    return f"port {use.port}" if use.address in _EVERYWHERE else f"port {use.port} of {use.address}"
