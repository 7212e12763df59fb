"""``engage doctor``: checks a whole installation, even one that is partly broken."""

import math
import socket
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from engage_server.composition.backups.checkup import look_at_backups
from engage_server.composition.keys.checking import look_at_keys
from engage_server.composition.opening import given_release_key, open_database, open_sealer
from engage_server.composition.operators_listener import (
    assert_protected,
    called_host,
    has_tls,
    is_reached_from_elsewhere,
)
from engage_server.errors import EngageError
from engage_server.lock.firmware import Firmware
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.target import Target
from engage_server.lock.virtual_lock import Trigger, VirtualLock, accepted
from engage_server.protocol.notice import HTTP_PORT
from engage_server.records import AnchorRole, Host, Release, Site, StoreLook
from engage_server.records.worker import LIVE_WITHIN
from engage_server.services.backup.nights.standing import backup_standing
from engage_server.services.installation.checkup import Check, Level
from engage_server.services.installation.clock_checkup import look_at_clock
from engage_server.services.installation.file_checkup import look_at_authority, look_at_files
from engage_server.services.installation.network_checkup import (
    PortUse,
    addresses_of,
    is_own,
    look_at_names,
    look_at_operators,
    look_at_operators_hosts,
    look_at_ports,
)
from engage_server.services.releases.lifecycle import chain_of
from engage_server.settings import Settings
from engage_server.store import schema
from engage_server.store.sql_store import SqlStore

_SECONDS = 10.0
_HTTPS_PORT = 443  # the port that doors call
_METRICS_SECONDS = 15.0  # a worker writes its metrics once a second
_FIRST_METRICS_SECONDS = 2.0
_PAUSE = 0.1


def examine(settings: Settings, environment: Mapping[str, str], now: datetime) -> Iterator[Check]:
    """Check one thing after another, starting with those that the others need.

    1. Files: those that belong to another user, or are open to others.
    2. Keys and database. Without them no site is known, so only the checks that need neither follow.
    3. Ports, and the operators' instance.
    4. Names, the clock, and a virtual lock's own fetch from each site.
    5. The authority's keys on this machine.

    Args:
        settings: The settings.
        environment: For the keys.
        now: Aware.

    Raises:
        StoreNotUsable: There is no installation here, and nothing is left of one.
    """
    if not settings.data_dir.exists() and not settings.key_encryption_key_file.exists():
        open_database(settings).dispose()  # if there is no installation, this says so
    secrets = [settings.key_encryption_key_file, settings.certs_dir]
    optional = [settings.release_key_file, settings.operators_tls_key, settings.operators_tls_passphrase_file]
    yield from look_at_files(settings.data_dir, [*secrets, *filter(None, optional)])
    try:
        store = _opened(settings, environment)
    except EngageError as error:
        yield Check.of_error("database", error)
        yield from _of_this_host(settings, None)
        yield from look_at_authority(settings.certs_dir)
        return
    try:
        yield Check("database", Level.OK, "the database answers, and the keys of this installation open it")
        yield look_at_keys(settings, environment)
        yield from _of_sites(settings, store, now)
    finally:
        store.close()
    yield from look_at_authority(settings.certs_dir)


def _opened(settings: Settings, environment: Mapping[str, str]) -> SqlStore:
    engine = open_database(settings)
    try:
        sealer = open_sealer(engine, settings, environment)
        release_key = given_release_key(settings, environment)
        if release_key is not None:
            schema.assert_release_seal(engine, release_key)
    except BaseException:
        engine.dispose()
        raise
    return SqlStore(engine, sealer)


def _of_sites(settings: Settings, store: SqlStore, now: datetime) -> Iterator[Check]:
    host = socket.gethostname()
    here = [each for each in store.workers(LIVE_WITHIN) if each.host == host]
    running = Counter(each.listener for each in here)
    operators = [each.pid for each in here if each.listener == "operators"]
    silent = {each.listener for each in store.silent_workers(LIVE_WITHIN) if each.host == host}
    yield from _of_this_host(settings, running, silent, operators)
    sites = store.sites()
    current = {site: store.release(site, number) for site, number in store.current_numbers().items()}
    if not sites:
        yield Check("sites", Level.PROBLEM, "there is no site yet", "Make one: engage init, or engage site add.")
    yield from look_at_names(sites)
    yield from look_at_backups(backup_standing(store, now, is_nightly=settings.has_nightly_backups))
    newest = store.audit_newest_time()
    served, ahead = [(name, chain_of(each).server) for name, each in current.items()], _seconds_ahead(store.look())
    yield from look_at_clock(now, newest, served, ahead)
    for site in sites:
        yield _fetched(settings, store, site, current.get(site.name), now)


def _seconds_ahead(look: StoreLook) -> float:
    """By how much this host's clock is ahead of the database's, or behind. What the slow answer may explain is left."""
    return math.copysign(max(0.0, abs(look.offset) - look.round_trip / 2), look.offset)


def _of_this_host(
    settings: Settings,
    running: Mapping[str, int] | None,
    silent: Collection[str] = (),
    operators_processes: Collection[int] | None = None,
) -> Iterator[Check]:
    operators = PortUse("operators", settings.operators_bind, settings.operators_port)
    devices = [
        PortUse("http", settings.bind, settings.http_port),
        PortUse("https", settings.bind, settings.https_port),
    ]
    yield from look_at_ports(devices, running, silent)
    try:
        assert_protected(settings)
    except EngageError as error:
        yield Check.of_error("operators", error)
    host, taken = called_host(settings).in_url, [each.port for each in devices]
    yield look_at_operators(operators, host, operators_processes, taken, has_tls=has_tls(settings))
    is_reached = is_reached_from_elsewhere(settings)
    yield from look_at_operators_hosts(settings.operators_hosts, is_reached_from_elsewhere=is_reached)


def _fetched(settings: Settings, store: SqlStore, site: Site, current: Release | None, now: datetime) -> Check:
    """Check what a device of the site would find: the notice, the download, the hash, TLS."""
    if current is None:
        step = f"engage release activate N --site {site.name}"
        return Check("fetch", Level.PROBLEM, f"{site.name} serves no release", step)
    called = _host_to_call(site)
    host = called.text
    target = Target(host, settings.http_port, settings.https_port, settings.public_http_port)
    firmware = Firmware(accepts_partial_chain=site.anchor is AnchorRole.INTERMEDIATE)
    lock = VirtualLock(target, store.site_key(site.name), DeviceLimits(seconds=_SECONDS), firmware)
    try:
        steps = list(lock.run(Trigger.COMMISSIONING, now))
    except EngageError as error:
        sentence = f"{site.name}: a virtual lock cannot call {host}: {error.sentence}"
        return Check("fetch", Level.PROBLEM, sentence, error.next_step or "engage serve")
    if accepted(steps):
        return Check("fetch", Level.OK, f"{site.name}: a virtual lock fetched the anchor from {host} and called by TLS")
    refused = next((step for step in steps if not step.ok), steps[-1])
    if site.device_networks and refused.name == "notice" and "401" in refused.sentence:
        return _not_of_its_networks(site, _call(settings, called))
    return Check(
        "fetch",
        Level.PROBLEM,
        f"{site.name}: a virtual lock that called {host} stopped at the step {refused.name}: {refused.sentence}",
        refused.next_step or f"{_call(settings, called)} --site {site.name}",
    )


def _call(settings: Settings, host: Host) -> str:
    """The command that calls a host as devices do."""
    http, https = settings.cert_url_port, settings.called_https_port
    http_shown = "" if http == HTTP_PORT else f":{http}"
    https_shown = "" if https == _HTTPS_PORT else f" --https-port {https}"
    return f"engage lock fetch http://{host.in_url}{http_shown}{https_shown}"


def _not_of_its_networks(site: Site, call: str) -> Check:
    """No fault, and no proof either: this machine is not in a network whose devices the site answers."""
    networks = " ".join(map(str, site.device_networks))
    return Check(
        "fetch",
        Level.WARNING,
        f"{site.name}: not tried, because it answers only devices in {networks}, and this host calls from elsewhere",
        f"On a machine in that network: {call} --site-key-file FILE",
    )


def _host_to_call(site: Site) -> Host:
    """Return the first host that is this machine; else the first host."""
    for host in site.hosts:
        try:
            if any(is_own(address) for address in addresses_of(host)):
                return host
        except OSError:
            continue
    return site.hosts[0]
