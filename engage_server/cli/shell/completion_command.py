"""``engage completion``."""

import click
from click.shell_completion import get_completion_class

from engage_server.cli.shell.completions import COMPLETION_VARIABLE

_SHELLS = ("bash", "zsh", "fish")
_EXAMPLE = """\b
Examples:
  source <(engage completion bash)                             this bash
  echo 'source <(engage completion bash)' >> ~/.bashrc         every bash
  echo 'source <(engage completion zsh)' >> ~/.zshrc
      every zsh, below compinit
  engage completion fish > ~/.config/fish/completions/engage.fish
"""


@click.command(epilog=_EXAMPLE)
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that completes commands in your shell.

    The script completes commands, options, files, and the names in your installation: sites, releases and devices.
    """
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101  # click has all three
    click.echo(found(context.find_root().command, {}, "engage", COMPLETION_VARIABLE).source())
