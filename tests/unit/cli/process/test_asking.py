"""Commands ask the one table: every one of the program, with every act of the table."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from engage_server.cli.groups import OrderedGroup
from engage_server.cli.process.asking import ASKS_NOBODY, AskingCommand
from engage_server.cli.root import engage
from engage_server.cli.session import Session
from engage_server.errors import Refused, UsageError
from engage_server.records import LONGEST_REASON, Actor, ActorKind, Grant, Role
from engage_server.services.access.permissions import PERMISSIONS, Act

# act -> why no command names it
OF_OTHER_FACES = {
    Act.CHAIN_CHECK: "the command reads files that its caller can read anyway; the API takes an upload",
    Act.METRICS_SEE: "metrics are a page of the operators' listener",
}


def commands_of(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command below a group, with its name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands_of(command, f"{path}{name} ")
        else:
            yield path + name, command


COMMANDS = dict(commands_of(engage))
ASKING = {name: command for name, command in COMMANDS.items() if isinstance(command, AskingCommand)}


def faults(commands: dict[str, click.Command], listed: dict[str, str]) -> list[str]:
    """What is wrong with commands, as the table sees it."""
    found = [f"{name} is listed, and is no command" for name in listed if name not in commands]
    for name, command in commands.items():
        asks = isinstance(command, AskingCommand) and bool(command.acts)
        if asks is (name in listed):
            found.append(f"{name} names its acts, and is listed" if asks else f"{name} asks nobody, and is not listed")
    return found


def reason_of(command: click.Command) -> click.Parameter | None:
    return next((each for each in command.params if each.name == "reason"), None)


class _Guest(Session):
    """A session in which somebody acts who has no role anywhere."""

    def acting(self) -> Actor:
        return Actor("guest", ActorKind.PERSON)


class _ViewerOfOneSite(Session):
    def acting(self) -> Actor:
        return Actor("bert", ActorKind.PERSON, Grant(Role.VIEWER, frozenset({"depot"})))


def test_each_command_names_its_acts_or_is_listed_with_its_reason() -> None:
    assert faults(COMMANDS, ASKS_NOBODY) == []
    assert all(ASKS_NOBODY.values())


def test_a_command_that_asks_nobody_is_found() -> None:
    mute, silent = click.Command("mute"), AskingCommand("silent", acts=[])
    asking = AskingCommand("asking", acts=[Act.SITE_SEE])
    found = faults({"mute": mute, "silent": silent, "asking": asking}, {"asking": "wrongly", "gone": "long ago"})
    assert len(found) == 4


def test_each_act_is_named_by_a_command_or_is_of_another_face() -> None:
    named = {act for command in ASKING.values() for act in command.acts}
    assert named | set(OF_OTHER_FACES) == set(Act)
    assert named & set(OF_OTHER_FACES) == set()


def test_a_command_of_a_group_cannot_be_made_without_its_acts() -> None:
    group = OrderedGroup(name="site")
    with pytest.raises(TypeError, match="acts"):
        group.command("new")(lambda: None)


@pytest.mark.parametrize("name", ASKING)
def test_each_command_asks_before_its_body_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Refused) as refused:
        ASKING[name].invoke(click.Context(ASKING[name], obj=_Guest(None)))
    assert refused.value.code in ("access.role", "access.command_line_only")
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_is_let_in_and_the_body_runs() -> None:
    ran: list[str] = []
    command = AskingCommand("x", acts=[Act.SITE_KEY_EXPORT], callback=lambda: ran.append("x"))
    command.invoke(click.Context(command, obj=Session(None)))
    assert ran == ["x"]


def test_every_act_of_a_command_is_asked_for() -> None:
    command = AskingCommand("x", acts=[Act.CHAIN_CHECK, Act.HOST_FORGET], callback=lambda: None)
    with pytest.raises(Refused) as refused:
        command.invoke(click.Context(command, obj=_ViewerOfOneSite(None)))
    assert refused.value.code == "access.site", "the first one"
    command.acts = (Act.HOST_FORGET,)
    with pytest.raises(Refused) as refused:
        command.invoke(click.Context(command, obj=_ViewerOfOneSite(None)))
    assert refused.value.code == "access.role", "the second one"


@pytest.mark.parametrize("name", ASKING)
def test_a_command_takes_a_reason_if_and_only_if_it_is_recorded(name: str) -> None:
    recorded = any(PERMISSIONS[act].is_recorded for act in ASKING[name].acts)
    assert (reason_of(ASKING[name]) is not None) is recorded


def test_no_other_command_has_a_reason_of_its_own() -> None:
    assert [name for name in ASKS_NOBODY if reason_of(COMMANDS[name])] == []


def given(*arguments: str, needs_reason: bool = False) -> str:
    """The reason that a session has after its command was called so."""
    command = AskingCommand("x", acts=[Act.SITE_CHANGE], needs_reason=needs_reason, callback=lambda: None)
    session = Session(None)
    command.main(list(arguments), standalone_mode=False, obj=session)
    return session.occasion().reason


def test_a_reason_reaches_every_occasion() -> None:
    assert given() == ""
    assert given("--reason", "  renewed by\npipeline  812 ") == "renewed by pipeline 812"
    assert given("--reason", "x" * LONGEST_REASON) == "x" * LONGEST_REASON


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("x" * (LONGEST_REASON + 1), "reason.too_long"),
        ("a bell \a", "reason.control_character"),
        ("no UTF-8: \udcff", "reason.control_character"),
        ("turned \u202e around", "reason.control_character"),
        (f"for engage_{'a' * 12}_{'b' * 64}_{'c' * 8}", "reason.token"),
        ("-----BEGIN RSA PRIVATE KEY----- MIIE", "reason.secret"),
        (f"http://localhost:8008/sign-in/{'x' * 43}", "reason.secret"),
    ],
)
def test_what_the_audit_log_cannot_keep_is_refused(reason: str, code: str) -> None:
    with pytest.raises(UsageError) as refused:
        given("--reason", reason)
    assert refused.value.code == code
    assert reason not in refused.value.sentence + refused.value.next_step


@pytest.mark.parametrize("arguments", [(), ("--reason", ""), ("--reason", " \t ")])
def test_where_a_reason_is_needed_an_empty_one_is_none(arguments: tuple[str, ...]) -> None:
    with pytest.raises(click.UsageError):
        given(*arguments, needs_reason=True)
    assert given("--reason", "floor 3 has no battery", needs_reason=True) == "floor 3 has no battery"
