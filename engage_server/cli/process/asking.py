"""Commands that ask the one table of permissions before they do anything, and the list of those that need not."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from engage_server.cli.session import Session

if TYPE_CHECKING:  # the root shows its help without importing records
    from engage_server.services.access.permissions import Act

# command -> why it asks nobody: it sees and changes nothing of an installation
ASKS_NOBODY = {
    "chain build": "makes a chain in a folder, also on a machine without an installation",
    "chain check": "reads files that the caller names",
    "chain show": "reads files that the caller names",
    "chain renew": "makes chains in a folder, with keys that the caller can read",
    "chain explain": "prints what a finding means",
    "hash": "reads files that the caller names",
    "link role": "prints SQL for the owner of the database",
    "m2u client-certificate": "makes a certificate in a folder",
    "telekom csr": "makes a key and a request in a folder",
    "telekom check": "reads files that the caller names",
    "telekom sign": "reads files that the caller names",
    "telekom verify": "reads files that the caller names",
    "kpn token": "reads files that the caller names",
    "kpn secret": "makes a secret that nobody uses yet",
    "completion": "prints a script; the names that it completes are asked for one by one",
}
_STAND_LAST = {"yes", "wait", "wait_seconds", "output_form"}


class AskingCommand(click.Command):
    """A command that may do what its acts say. If an act is recorded, it has the option ``--reason``.

    Args:
        arguments: As for any command.
        acts: All that it can do, whichever options it is given.
        needs_reason: Whether it must be given a reason.
        settings: As for any command.
    """

    def __init__(self, *arguments: Any, acts: Sequence["Act"], needs_reason: bool = False, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.acts = tuple(acts)
        if self._is_recorded():
            names = [each.name for each in self.params]
            at = next((n for n, name in enumerate(names) if name in _STAND_LAST), len(names))
            self.params = [*self.params[:at], _reason_option(required=needs_reason), *self.params[at:]]

    def invoke(self, ctx: click.Context) -> Any:
        """Ask the table for every act, and run.

        Raises:
            Refused: The caller may not do one of them.
        """
        from engage_server.services.access.permissions import assert_may

        actor = _session_of(ctx).acting()
        for act in self.acts:
            assert_may(actor, act)
        return super().invoke(ctx)

    def _is_recorded(self) -> bool:
        from engage_server.services.access.permissions import PERMISSIONS

        return any(PERMISSIONS[act].is_recorded for act in self.acts)


def _reason_option(*, required: bool) -> click.Option:
    """``--reason``. The session has it, and with it every occasion: no command can forget to pass it on."""
    return click.Option(
        ["--reason"],
        required=required,
        default=None if required else "",
        metavar="TEXT",
        expose_value=False,
        callback=_remember_reason,
        help="Why, for the audit log.",
    )


def _remember_reason(ctx: click.Context, param: click.Parameter, text: str | None) -> None:
    if ctx.resilient_parsing:  # a shell asks for completions
        return
    from engage_server.records import read_reason

    reason = read_reason(text or "")
    if param.required and not reason:
        raise click.BadParameter("it is empty.", ctx, param)
    _session_of(ctx).reason = reason


def _session_of(ctx: click.Context) -> Session:
    session = ctx.find_object(Session)
    assert session is not None  # noqa: S101  # the root makes it
    return session
