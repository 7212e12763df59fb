"""What a shell may complete: the names of the installation that a command would use.

While somebody types, a name is welcome. An error is not, and neither is a wait for a database.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from engage_server.cli.session import Session

if TYPE_CHECKING:
    from engage_server.composition.names import Names

COMPLETION_VARIABLE = "_ENGAGE_COMPLETE"
_SECONDS = 2.0  # for the database; a person has typed the name by then
_MOST_DEVICES = 100


def sites(context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """Names of sites."""
    found = _names(context, "site:see", lambda names: names.sites())
    return [name for name in found if name.startswith(typed)]


def waves(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """Names of sites, with a comma between two of them."""
    before, comma, last = typed.rpartition(",")
    return [f"{before}{comma}{name}" for name in sites(context, parameter, last)]


def releases(context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """Numbers of the releases of the site that was named before, or of the default one."""
    site = context.params.get("site")
    found = _names(context, "release:see", lambda names: [str(each) for each in names.releases(site)])
    return [number for number in found if number.startswith(typed)]


def former_releases(context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """Numbers of the releases that can be retired, of the site that was named before, or of the default one."""
    site = context.params.get("site")
    found = _names(context, "release:see", lambda names: [str(each) for each in names.former_releases(site)])
    return [number for number in found if number.startswith(typed)]


def devices(context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """Serial numbers and addresses of devices."""
    site = context.params.get("site")
    return _names(context, "device:see", lambda names: names.devices(typed, site, _MOST_DEVICES))


def files(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem[Any]]:
    """Files: the shell finds them itself."""
    return [CompletionItem(typed, type="file")]


def _names(context: click.Context, act: str, ask: Callable[["Names"], list[str]]) -> list[str]:
    """Ask the table for an act, and the store for names."""
    try:
        from engage_server.composition.names import open_names
        from engage_server.services.access.permissions import Act, assert_may

        session = Session(context.find_root().params.get("config"))
        assert_may(session.acting(), Act(act))
        with _at_most(_SECONDS), open_names(session.settings()) as names:
            return ask(names)
    except Exception:  # whatever it is, the command itself will report it
        return []


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise TimeoutError when it takes longer; on systems that have such an alarm."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def stop(_number: int, _frame: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
