"""``engage serve``."""

import importlib
import os
import sys
from functools import partial
from typing import Any, NoReturn

import click

from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.process.collector import collect_as_usual
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.composition.device_side import DeviceSide
from engage_server.composition.folder_watch import assert_data_usable
from engage_server.composition.openid.terms_file import read_openid_terms
from engage_server.composition.opening import ReleaseSealer, given_release_key
from engage_server.composition.operators_listener import address as operators_address
from engage_server.composition.operators_listener import assert_protected, has_tls_of_site, is_reached_from_elsewhere
from engage_server.composition.starting.release_key import derived_release_key, needs_key_no_more
from engage_server.composition.starting.served_copy import ServedCopy, away_at_start, did_not_answer, shown
from engage_server.errors import UsageError
from engage_server.records import Secret
from engage_server.services.access.permissions import Act
from engage_server.services.distribution.snapshot import Snapshot
from engage_server.services.keys.standing import STARTS_ALONE
from engage_server.serving.closed_memory import close_memory
from engage_server.serving.listener import Listener
from engage_server.serving.pair import (
    Descriptors,
    Instance,
    Pair,
    hold_lifeline,
    pipe_with,
    read_secret,
    tell_ready,
)
from engage_server.serving.ports import assert_bindable
from engage_server.serving.tls_groups import are_limited, limiting_environment, start_limited
from engage_server.serving.worker.line_output import say_at_once
from engage_server.settings import Settings
from engage_server.variables import RELEASE_KEY_VARIABLE, SECRETS_OF_COMMANDS, WITHHELD_FROM_DEVICES

_EXAMPLE = """\b
Examples:
  engage serve
      both instances, on ports 80 and 443
  engage serve --http-port 8080 --https-port 8443
      on ports that need no privileges
  engage serve https
      the TLS instance alone, for a service manager
  engage serve operators
      the operators' instance alone: metrics, and what devices did
  engage serve links
      the ingress that partners' systems call, as links.toml says
"""
_LINKS = "links"
_ROOT_FILE = "partner_CA.pem"
# by its name: the links are no part of this package, and it never imports them
_LINKS_MODULE = "engage_server.links.commands.serve_links"
_DEAR_GROUPS = (
    "warning: OPENSSL_CONF lets TLS clients choose finite-field groups. One hello then costs up to 130 ms of CPU.\n"
    "next: Add 'Groups = X25519:P-256:P-384' to the section of its system_default, or unset OPENSSL_CONF"
)


@click.command(cls=AskingCommand, acts=[Act.INSTALLATION_SERVE], epilog=_EXAMPLE)
@click.argument("listener", required=False, type=click.Choice([*map(str, Listener), _LINKS]))
@click.option("--bind", metavar="ADDR", help="The address to listen on. [setting: bind]")
@click.option("--http-port", type=int, metavar="PORT", help="Port of the plain HTTP instance. [setting: http_port, 80]")
@click.option("--https-port", type=int, metavar="PORT", help="Port of the TLS instance. [setting: https_port, 443]")
@click.option(
    "--operators-port",
    type=int,
    metavar="PORT",
    help="Port of the API, of sign-in and metrics. [setting: operators_port, 8008]",
)
@click.option("--workers", type=int, metavar="N", help="Processes of each instance. [setting: workers]")
@click.option("--lifeline", type=int, hidden=True)
@click.option("--ready", type=int, hidden=True)
@click.option("--handed-over", type=int, hidden=True)
@click.option("--from-copy", type=int, hidden=True)
@click.pass_obj
def serve(
    session: Session,
    /,
    listener: str | None,
    lifeline: int | None,
    ready: int | None,
    handed_over: int | None,
    from_copy: int | None,
    **options: Any,
) -> int:
    """Run the server pair until a signal ends it.

    Without an argument, both device instances and the operators' instance run. They are supervised:
    signals are passed on to all. If one ends, all end with a non-zero status, so that a service manager restarts them.

    The ingress of the links is a separate process, never on a device listener. It serves what links.toml names.

    SIGTERM lets running requests finish. SIGHUP reads the settings again.
    """
    if listener == _LINKS:
        _assert_none_given(options)
        collect_as_usual()
        return int(importlib.import_module(_LINKS_MODULE).serve_links(session))
    if listener == Listener.HTTPS:
        start_limited()
        if not are_limited():
            click.echo(_DEAR_GROUPS, err=True)
    settings = session.settings(**options)
    if listener is None:
        return _serve_both(session, settings, options)
    one = Listener(listener)
    if one is Listener.OPERATORS:
        assert_protected(settings)
    assert_bindable(one.address(settings), one.port(settings), f"--{listener}-port")
    sealer = _release_sealer(session, one, settings, options, handed_over)
    if lifeline is not None:
        hold_lifeline(lifeline)
    from engage_server.serving.instance import ListenerApplication  # not in the supervisor, which serves nothing

    when_serving = (lambda: tell_ready(ready)) if ready is not None else (lambda: None)
    away = did_not_answer() if from_copy else None
    application = ListenerApplication(
        one, lambda: session.settings(**options), session.environment, sealer, when_serving, away
    )
    if lifeline is None and application.copy is not None:
        _warn_of_copy(application.copy)
    collect_as_usual()  # all is imported and read that its workers share
    application.run()
    return 0


def _assert_none_given(options: dict[str, Any]) -> None:
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise UsageError(
            f"'serve links' has no option --{given[0].replace('_', '-')}",
            "Addresses and ports of the ingress are in links.toml, and in the settings links_bind and links_port.",
        )


def _release_sealer(
    session: Session, listener: Listener, settings: Settings, options: dict[str, Any], descriptor: int | None
) -> ReleaseSealer | None:
    """What opens the releases' private keys in this process; None where it opens none.

    An instance for devices may find the operators' secrets in its environment, or have to read the key-encryption key.
    It then becomes a new program without them, because its workers are forks with all that was ever in its memory.
    """
    if listener is Listener.OPERATORS and not has_tls_of_site(settings):
        return None
    if descriptor is not None:
        return ReleaseSealer(read_secret(descriptor))
    given = given_release_key(settings, session.environment) if listener is not Listener.HTTP else None
    if listener is Listener.OPERATORS:  # it has the key-encryption key for other reasons
        return given or ReleaseSealer(derived_release_key(settings, session.environment))
    holds_secrets = any(name in session.environment for name in WITHHELD_FROM_DEVICES)
    if listener is Listener.HTTPS and given is None:
        key = derived_release_key(settings, session.environment, STARTS_ALONE)
        click.echo(
            "warning: the TLS instance was given the key-encryption key, which opens the site keys. It keeps "
            "only the release key. Give it nothing else.\n"
            f"next: {program()} key export-release-key FILE, and set release_key_file of this instance",
            err=True,
        )
        _become_without_secrets(session, listener, options, key)
    if listener is Listener.HTTPS:
        needs_key_no_more(settings, STARTS_ALONE)
    if holds_secrets:
        _become_without_secrets(session, listener, options, None)
    return given


def _become_without_secrets(
    session: Session, listener: Listener, options: dict[str, Any], key: Secret | None
) -> NoReturn:
    """Start this program again in the same process, without the operators' secrets in its environment and memory."""
    descriptor = None if key is None else pipe_with(key)
    if descriptor is not None:
        os.set_inheritable(descriptor, True)
    environment = {name: value for name, value in session.environment.items() if name not in WITHHELD_FROM_DEVICES}
    sys.stdout.flush()
    sys.stderr.flush()
    command = _command(session, listener, options, secret=descriptor)
    os.execve(sys.executable, command, environment)  # noqa: S606  # no shell is wanted


def _serve_both(session: Session, settings: Settings, options: dict[str, Any]) -> int:
    assert_protected(settings)
    ports = [each.port(settings) for each in Listener]
    for listener in Listener:
        assert_bindable(listener.address(settings), listener.port(settings), f"--{listener}-port", ports)
    # check once what both will need, so that a fault is reported once
    read_openid_terms(settings)
    close_memory()
    away = away_at_start(settings)
    release_key = derived_release_key(settings, session.environment, away=away)
    device_side = DeviceSide(settings, ReleaseSealer(release_key), away=away)
    if device_side.copy is not None:
        _warn_of_copy(device_side.copy)
    snapshot = device_side.take_snapshot()
    device_side.release_connections()
    assert_data_usable(settings)
    is_away = device_side.copy is not None
    instances = [_instance(session, each, settings, options, release_key, is_away=is_away) for each in Listener]
    pair = Pair(
        instances,
        when_ready=lambda: _print_addresses(settings, snapshot),
        say=partial(say_at_once, sys.stderr.fileno()),
    )
    collect_as_usual()
    return pair.run()


def _warn_of_copy(copy: ServedCopy) -> None:
    click.echo(
        f"warning: {copy.why.sentence}. Devices are served what it had at {shown(copy.right_at)}, from this "
        "host's copy\nnext: Make the database answer. What changed meanwhile is served then, without a restart. "
        "If database_url or its password is wrong, correct it and restart",
        err=True,
    )


def _instance(
    session: Session,
    listener: Listener,
    settings: Settings,
    options: dict[str, Any],
    release_key: Secret,
    *,
    is_away: bool,
) -> Instance:
    """What each instance gets: operators the key-encryption key, TLS the release key, plain HTTP none.

    Operators get the release key, too, if they are served with the certificate of the release.
    """

    def command(given: Descriptors) -> list[str]:
        also = {"from_copy": 1} if is_away else {}
        return _command(session, listener, options, given.secret, lifeline=given.lifeline, ready=given.ready, **also)

    if listener is Listener.OPERATORS:
        own = release_key if has_tls_of_site(settings) else None
        # it stores what the others see, until their ends
        return Instance(str(listener), command, (RELEASE_KEY_VARIABLE, *SECRETS_OF_COMMANDS), own, ends_last=True)
    without = (RELEASE_KEY_VARIABLE, *WITHHELD_FROM_DEVICES)
    if listener is Listener.HTTP:
        return Instance(str(listener), command, without)
    return Instance(str(listener), command, without, release_key, limiting_environment(session.environment))


def _command(
    session: Session, listener: Listener, options: dict[str, Any], secret: int | None, **numbers: int
) -> list[str]:
    # -P: not a module of the current folder, which is the installation's, and may be writable by what talks to devices
    command = [sys.executable, "-P", "-m", "engage_server"]
    if session.config is not None:
        command += ["--config", str(session.config)]
    command += ["serve", str(listener)]
    for name, value in {**numbers, "handed_over": secret, **options}.items():
        if value is not None:
            command += [f"--{name.replace('_', '-')}", str(value)]
    return command


def _print_addresses(settings: Settings, snapshot: Snapshot) -> None:
    hosts = [host for host, site in snapshot.by_host.items() if site == snapshot.default_site]
    host = _host_to_try(settings.bind, hosts)
    shown = _in_url(host)
    http = f"http://{shown}" + ("" if settings.http_port == 80 else f":{settings.http_port}")
    https = f"https://{shown}" + ("" if settings.https_port == 443 else f":{settings.https_port}")
    port_option = "" if settings.https_port == 443 else f" --https-port {settings.https_port}"
    shown_lines = (
        f"\nserving on {http} and {https}\ntry:\n"
        f"  curl {http}/swordfish/lock/certificates/current\n"
        f"  {program()} lock fetch {http}{port_option}\n"
        f"  {_scrape(settings, snapshot.default_site)}"
    )
    if not snapshot.current:
        shown_lines += "\nno release is active yet. Devices get 503 until 'engage release activate'."
    sys.stdout.flush()
    say_at_once(sys.stdout.fileno(), shown_lines)


def _scrape(settings: Settings, site: str | None) -> str:
    """Return the command that shows the metrics, as the settings protect them."""
    command = "curl"
    root = settings.certs_dir / (site or "") / _ROOT_FILE
    if has_tls_of_site(settings):
        command += f" --cacert {click.format_filename(root)}" if root.exists() else f" --cacert {_ROOT_FILE}"
    if is_reached_from_elsewhere(settings):
        command += ' -H "Authorization: Bearer TOKEN"'
    return f"{command} {operators_address(settings)}/metrics"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _host_to_try(bind: str, hosts: list[str]) -> str:
    """A host that answers on this machine and is in the certificate, if there is one. Otherwise the site's first."""
    everywhere = "0.0.0.0"  # noqa: S104  # compared with, not listened on
    reachable = {everywhere: ["127.0.0.1", "localhost"], "::": ["127.0.0.1", "::1", "localhost"]}
    for host in reachable.get(bind, [bind]):
        if host in hosts:
            return host
    return hosts[0] if hosts else "127.0.0.1"
