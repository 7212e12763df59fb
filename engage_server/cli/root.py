"""The root of the command, which imports a subcommand only when it is called: help and checks start at once."""

import importlib
from pathlib import Path

import click

from engage_server import __version__
from engage_server.cli.session import Session

# name -> (module, attribute, first line of its help)
_COMMANDS = {
    "init": ("init_command", "init", "Make an installation: settings, key, database, first site and chain."),
    "serve": ("serve_command", "serve", "Run the HTTP and the TLS instance, or one of them."),
    "site": ("site_commands", "site", "Sites: the devices that share a site key and a host."),
    "device": ("device_commands", "device", "Devices: who took which release, who is missing, and why."),
    "import": ("import_commands", "import_group", "Take over from the vendor's sample servers."),
    "chain": ("chain_commands", "chain", "Certificate chains: build, check, show."),
    "release": ("release_commands", "release", "Releases: stage, list, show, activate, rollback, retire."),
    "rotate": ("rotate_commands", "rotate", "Rotation: what is due, and the safest way there, step by step."),
    "status": ("status_command", "status", "Sites, releases, expiry, adoption and workers at a glance."),
    "key": ("key_commands", "key", "Keys of the installation: what each process gets."),
    "host": ("host_commands", "host", "Hosts: which serve devices, and which went without a goodbye."),
    "audit": ("audit_commands", "audit", "The audit log: show it, and verify that nobody changed it."),
    "hash": ("hash_command", "hash_command", "Print the hash of a DER certificate under a site key."),
    "lock": ("lock_commands", "lock", "The virtual lock: does what a device does."),
    "settings": ("settings_command", "settings", "Print every setting, its meaning and its value here."),
}


class LazyGroup(click.Group):
    """Looks its commands up in the table above."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order in which a newcomer needs them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import one command."""
        if name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[name]
        command = getattr(importlib.import_module(f"engage_server.cli.{module}"), attribute)
        assert isinstance(command, click.Command)  # noqa: S101  # the table names commands only
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in _COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    epilog="Begin with 'engage init', then 'engage serve'. Every command has --help with an example.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The settings file. [default: ENGAGE_CONFIG, or engage.toml in the current folder]",
)
@click.version_option(__version__, message="engage-server %(version)s")
@click.pass_context
def engage(ctx: click.Context, config: Path | None) -> None:
    """Give ENGAGE devices the trust certificate of their own host."""
    ctx.obj = Session(config)
