"""Help: commands in the order of need, with a line of help that is never cut."""

import click
import pytest

from engage_server.cli.groups import OrderedGroup
from engage_server.cli.root import COMMANDS, engage
from tests.project.documentation import commands

_LONGEST = 60  # characters, so that a line of help is whole on a terminal of 80 columns
_COLUMNS = 80


def groups() -> list[click.Group]:
    """All groups below the root."""
    context = click.Context(engage)
    found = (engage.get_command(context, name) for name in engage.list_commands(context))
    return [each for each in found if isinstance(each, click.Group)]


@pytest.mark.parametrize(("name", "command"), [pytest.param(*each, id=each[0]) for each in commands()])
def test_short_help_is_a_whole_sentence_of_60_characters(name: str, command: click.Command) -> None:
    text = command.get_short_help_str(limit=1000)
    assert text
    assert len(text) <= _LONGEST, text
    assert text[0].isupper() or text.startswith("`"), text


@pytest.mark.parametrize(("name", "command"), [pytest.param(*each, id=each[0]) for each in commands()])
def test_help_fits_80_columns(name: str, command: click.Command) -> None:
    """A command that is longer is left whole, so that it can be pasted. What is said of it stands below it."""
    context = click.Context(command, info_name=name, terminal_width=_COLUMNS)
    wide = [line for line in command.get_help(context).splitlines() if len(line) > _COLUMNS]
    assert [line for line in wide if "  " in line.strip() or "engage" not in line] == []


def test_the_root_says_what_each_command_is_for_in_60_characters() -> None:
    assert {name: text for name, (_, _, text) in COMMANDS.items() if len(text) > _LONGEST} == {}


def test_what_everyone_needs_stands_before_what_few_need() -> None:
    names = list(COMMANDS)
    optional = [names.index(name) for name, (module, _, _) in COMMANDS.items() if module.startswith("engage_server.")]
    assert names.index("doctor") < names.index("audit") < min(optional)


def test_rotate_lists_its_commands_in_the_order_of_need() -> None:
    rotate = next(each for each in groups() if each.name == "rotate")
    assert rotate.list_commands(click.Context(rotate)) == ["plan", "start", "status", "approve", "abort"]


@pytest.mark.parametrize("group", groups(), ids=lambda group: group.name)
def test_a_group_lists_each_of_its_commands_once(group: click.Group) -> None:
    context = click.Context(group)
    listed = group.list_commands(context)
    assert len(set(listed)) == len(listed)
    assert all(group.get_command(context, name) is not None for name in listed)
    if isinstance(group, OrderedGroup):
        assert set(listed) == set(group.commands)


def test_a_command_without_a_place_stands_at_the_end() -> None:
    group = OrderedGroup(name="g", order=("b",), commands=[click.Command("a"), click.Command("b"), click.Command("c")])
    assert group.list_commands(click.Context(group)) == ["b", "a", "c"]


@pytest.mark.parametrize(("name", "command"), [pytest.param(*each, id=each[0]) for each in commands()])
def test_every_option_says_what_it_does(name: str, command: click.Command) -> None:
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    assert [each.opts for each in options if not (each.help or "").lstrip("[").strip()] == []
    assert [each.opts for each in options if (each.help or "").startswith("[")] == []
