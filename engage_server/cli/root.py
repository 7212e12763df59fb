"""The root of the command: the table of all subcommands."""

from pathlib import Path

import click

from engage_server import __version__
from engage_server.cli.groups import LazyGroup
from engage_server.cli.output import colours_wanted
from engage_server.cli.program import remember_config
from engage_server.cli.session import Session
from engage_server.errors import SettingsInvalid

# name -> (module, attribute, first line of its help)
COMMANDS = {
    "init": (
        "installation.init_command",
        "init",
        "Make an installation with its first site and chain.",
    ),
    "demo": ("installation.demo_command", "demo", "Make a demonstration in a new folder, to look at everything."),
    "serve": ("installation.serve_command", "serve", "Run the server pair, or one instance of it."),
    "site": ("site.site_commands", "site", "Sites: the devices that share a site key and a host."),
    "device": ("device.device_commands", "device", "Devices: which release each has, which are missing, and why."),
    "upload": ("site.upload_commands", "upload", "Rejected uploads: list them, try again, or discard one."),
    "import": ("installation.import_commands", "import_group", "Import the vendor's sample servers."),
    "chain": ("chain.chain_commands", "chain", "Certificate chains: build, check, show, renew."),
    "release": ("release.release_commands", "release", "Releases: stage, activate, roll back, retire."),
    "rotate": ("rotate.rotate_commands", "rotate", "Rotation: replace the chain that is served, step by step."),
    "status": ("installation.status_command", "status", "Show all sites: releases, expiry, devices and workers."),
    "tonight": ("installation.tonight_command", "tonight", "Show which doors are at risk tonight, and what to do."),
    "doctor": ("installation.doctor_command", "doctor", "Check this installation, and say what to do."),
    "backup": ("backup.backup_commands", "backup", "Backups: make one, prove it, and restore it."),
    "store": ("backup.store_commands", "store", "The database: copy it into another one."),
    "key": ("key.group", "key", "Keys of the installation."),
    "host": ("installation.host_commands", "host", "The machines that serve devices."),
    "people": ("access.people_commands", "people", "People who may sign in, and their roles."),
    "token": ("access.token_commands", "token", "Tokens with which other systems call the API."),
    "alert": ("alerts.alert_commands", "alert", "Alerts: who gets them, by mail, webhook, chat or command."),
    "audit": ("installation.audit_commands", "audit", "The audit log: show it, and verify it."),
    "hash": ("hash_command", "hash_command", "Print the hash of a DER certificate under a site key."),
    "lock": ("lock.lock_commands", "lock", "The virtual lock: does what a device does."),
    "link": ("engage_server.links.commands.link", "link", "Links: what reports about the path to a site."),
    "m2u": ("engage_server.links.commands.m2u", "m2u", "Talk2M M2U: check the ingress, issue the certificate."),
    "telekom": (
        "engage_server.links.commands.telekom.telekom_commands",
        "telekom",
        "Telekom's M2M portal: certificates, signed messages.",
    ),
    "kpn": (
        "engage_server.links.commands.kpn",
        "kpn",
        "KPN Things: devices, messages to them, and reports to KPN.",
    ),
    "sim": ("engage_server.links.commands.sim.sim_commands", "sim", "SIMs of sites: state, network, cost, SMS."),
    "settings": ("installation.settings_command", "settings", "Print every setting, its meaning and its value here."),
    "completion": ("shell.completion_command", "completion", "Print the script that completes commands in your shell."),
}

# they work without an installation; to them, too, a settings file that is named but missing is an error
_READ_NO_SETTINGS = ("chain", "hash", "lock", "telekom", "completion")


_MAKES_SETTINGS = "init"  # which writes the file that is named, if it is not there


class RootGroup(LazyGroup):
    """All commands, with the first line of their help in the table: help imports none of them."""

    def line_of_help(self, name: str) -> str | None:
        """The first line of a command's help."""
        return COMMANDS[name][2]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])


@click.group(
    cls=RootGroup,
    table={name: (module, attribute) for name, (module, attribute, _) in COMMANDS.items()},
    epilog="Begin with 'engage init', then run 'engage serve'. Every command has --help with an example.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The settings file. [default: ENGAGE_CONFIG, engage.toml here, or /etc/engage-server/engage.toml]",
)
@click.version_option(__version__, message="engage-server %(version)s")
@click.pass_context
def engage(ctx: click.Context, config: Path | None) -> None:
    """Give ENGAGE devices the trust certificate of your host."""
    if config is not None and ctx.invoked_subcommand != _MAKES_SETTINGS and not config.exists():
        raise SettingsInvalid(f"{config}: there is no such file", "Name an existing settings file: --config FILE.")
    remember_config(config)
    ctx.obj = Session(config)
    if ctx.invoked_subcommand in _READ_NO_SETTINGS:
        ctx.obj.assert_settings_file()
    if not colours_wanted():
        ctx.color = False  # every command below inherits it
