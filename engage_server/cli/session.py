"""What every command needs: the settings, the services, who acts, and when. The root makes it."""

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engage_server.variables import CONFIG_VARIABLE

if TYPE_CHECKING:  # importing these takes longer than many a command runs
    from engage_server.composition.operator_side import OperatorSide
    from engage_server.records import Actor, AuditHead, Occasion
    from engage_server.settings import Settings


class Session:
    """One run of the command.

    Args:
        config: The value of ``--config``.
    """

    def __init__(self, config: Path | None) -> None:
        self.config = config
        self.environment: Mapping[str, str] = os.environ
        self.folder = Path.cwd()
        self.reason = ""  # what --reason says; the option sets it

    def assert_settings_file(self) -> None:
        """Refuse a settings file that was named but is missing, also for commands that need none of its settings.

        Raises:
            SettingsInvalid: There is no file of that name.
        """
        named = self.config or self.environment.get(CONFIG_VARIABLE)
        if named and not (self.folder / named).exists():
            from engage_server.errors import SettingsInvalid

            raise SettingsInvalid(
                f"{self.folder / named}: there is no such settings file",
                "Name an existing one, or run 'engage init' to make it.",
            )

    def settings(self, **overrides: Any) -> "Settings":
        """The settings, overridden by the options of this run.

        Raises:
            SettingsInvalid: A file, name or value that cannot be used.
        """
        from engage_server.settings import load_settings

        return load_settings(self.config, self.environment, overrides, self.folder)

    def operator_side(self) -> "OperatorSide":
        """The services of the installation here, until the command ends.

        Raises:
            NotPossible: There is none, or its database does not answer.
        """
        from engage_server.composition.operator_side import open_operator_side

        return closing(open_operator_side(self.settings(), self.environment, tell_entry))

    def actor(self) -> str:
        """This operator, as the operating system knows them."""
        return _actor(self.environment)

    def acting(self) -> "Actor":
        """This operator as the table of permissions knows them."""
        from engage_server.records import Actor, ActorKind

        return Actor(self.actor(), ActorKind.COMMAND_LINE)

    def occasion(self) -> "Occasion":
        """This operator, now, for the reason that they gave."""
        from engage_server.records import Occasion
        from engage_server.serving.boot_clock import boot_clock

        return Occasion(self.actor(), self.now(), boot_clock(), self.reason)

    def now(self) -> datetime:
        """The time at which this command acts. The clock is read here, and nowhere deeper."""
        return datetime.now(UTC)


def closing(side: "OperatorSide") -> "OperatorSide":
    """Services that give their database connections back when the command ends."""
    click.get_current_context().call_on_close(side.close)
    return side


def tell_entry(head: "AuditHead") -> None:
    """Report on standard error which entry of the audit log this command wrote, for a copy that is kept elsewhere."""
    from engage_server.services.installation.audit_log import as_told

    with suppress(OSError):  # nobody reads it: the act is done anyway
        click.echo(as_told(head), err=True)


def _actor(environment: Mapping[str, str]) -> str:
    user = account()
    behind = environment.get("SUDO_USER")
    return f"{behind} as {user}" if behind and behind != user else user


def account() -> str:
    """The account that this process runs as. Only the system is asked: ``LOGNAME`` and ``USER`` can name anybody."""
    try:
        import pwd
    except ImportError:  # Windows
        import getpass

        try:
            return getpass.getuser()
        except (KeyError, OSError, ImportError):
            return "unknown user"
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user may have no name
        return f"uid {os.getuid()}"
