"""``engage serve links``: supervises one instance for each address and port of ``links.toml``, and the poll of SIMs."""

import os
import sys
from collections.abc import Mapping
from functools import partial
from typing import NoReturn

import click

from engage_server.cli.output import counted
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.errors import SettingsInvalid
from engage_server.links.commands import ingress_process
from engage_server.links.commands.polling import poll_process
from engage_server.links.ingress.contexts import HostContexts
from engage_server.links.ingress.ends import End, ends_of
from engage_server.links.ingress.reading import make_folders, read_links
from engage_server.links.registry.links_file import LinksFile
from engage_server.links.sim.accounts import AccountTable
from engage_server.links.sim.polling.reading import polled_accounts
from engage_server.serving.closed_memory import close_memory
from engage_server.serving.pair import Descriptors, Instance, Pair
from engage_server.serving.ports import assert_bindable
from engage_server.serving.tls_groups import limiting_environment
from engage_server.serving.worker.line_output import say_at_once
from engage_server.variables import DATABASE_VARIABLE, RELEASE_KEY_VARIABLE, SECRETS_OF_OPERATORS

# the ingress opens none of what these open, so it never has them, not even in its environment
_WITHOUT = (DATABASE_VARIABLE, RELEASE_KEY_VARIABLE, *SECRETS_OF_OPERATORS)


def serve_links(session: Session) -> int:
    """Run the ingress until a signal ends it. Return the exit status.

    Raises:
        EngageError: links.toml, a file that it names, or a port cannot be used.
    """
    if any(name in session.environment for name in _WITHOUT):
        _become_without_secrets(session)
    close_memory()
    settings = session.settings()
    file = read_links(settings).file  # once for all instances, so that a fault is reported once
    ends, polled = ends_of(file), polled_accounts(file)
    if not ends and not polled:
        raise SettingsInvalid(
            f"{settings.links_file} has no host, no plain listener and no account to poll: there is nothing to do",
            "Add a table [hosts.NAME], or poll_every_minutes to a table [sim.NAME]. docs/links.md has an example.",
        )
    make_folders(settings)
    for end in ends:
        assert_bindable(end.bind, end.port, "port =")
        if end.hosts:
            HostContexts(end.hosts)
    polls = [_poll_instance(session)] if file.sim else []  # SIGHUP may bring a first account that is polled
    pair = Pair(
        [*(_instance(session, end) for end in ends), *polls],
        when_ready=lambda: _print_addresses(file, ends, polled),
        say=partial(say_at_once, sys.stderr.fileno()),
    )
    return pair.run()


def _instance(session: Session, end: End) -> Instance:
    def command(given: Descriptors) -> list[str]:
        return _program(session, ingress_process.MODULE, given, "--bind", end.bind, "--port", str(end.port))

    return Instance(end.name, command, _WITHOUT, environment=limiting_environment(session.environment))


def _poll_instance(session: Session) -> Instance:
    return Instance("sim poll", lambda given: _program(session, poll_process.MODULE, given), _WITHOUT)


def _program(session: Session, module: str, given: Descriptors, *options: str) -> list[str]:
    # -P: not a module of the current folder, which may be writable by what talks to partners
    command = [sys.executable, "-P", "-m", module, *options]
    command += ["--lifeline", str(given.lifeline), "--ready", str(given.ready)]
    return command if session.config is None else [*command, "--config", str(session.config)]


def _become_without_secrets(session: Session) -> NoReturn:
    """Start this program again in the same process, without the secrets in its environment and memory."""
    environment = {name: value for name, value in session.environment.items() if name not in _WITHOUT}
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606  # no shell is wanted


def _print_addresses(file: LinksFile, ends: tuple[End, ...], polled: Mapping[str, AccountTable]) -> None:
    lines = ["\nthe ingress of the links serves:"]
    for end in ends:
        for host in end.hosts:
            port = "" if host.port == 443 else f":{host.port}"
            lines.append(f"  https://{host.name}{port}  {', '.join(host.serves)}")
        if end.plain is not None:
            lines.append(f"  http://{end.bind}:{end.port}  {', '.join(end.plain.serves)}")
    lines += [f"  polls account {name} every {table.poll_every_minutes:g} minutes" for name, table in polled.items()]
    lines.append(f"{counted(len(file.links), 'link')} in {click.format_filename(file.where.file)}")
    lines.append(f"next: {program()} link check")
    sys.stdout.flush()
    say_at_once(sys.stdout.fileno(), "\n".join(lines))
