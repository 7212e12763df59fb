"""``engage demo``: what it makes can be looked at by the other commands, and the link that it prints is good."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engage_server.cli.installation import demo_command
from tests.support.commands import engage, ok


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The folder, and what was printed."""
    folder = tmp_path_factory.mktemp("demo-command")
    yield folder / "demo", ok(engage(folder, "demo", "demo", "--doors", 12, "--nights", 6))


def test_the_last_lines_can_be_pasted(made: tuple[Path, str]) -> None:
    folder, printed = made
    *_, following, console = printed.splitlines()
    assert following.startswith("next: ")
    assert following.endswith(f"engage --config {folder}/engage.toml serve")
    found = re.fullmatch(r"Console: (http://localhost:8009/) \(sign in once with: \1sign-in/[\w-]{20,}\)", console)
    assert found is not None
    assert "Nothing in it is evidence" in printed


def test_the_link_is_good_and_in_no_file(made: tuple[Path, str]) -> None:
    folder, printed = made
    secret = re.search(r"/sign-in/([\w-]+)", printed)
    assert secret is not None
    (guest,) = [
        each for each in json.loads(ok(engage(folder, "people", "list", "--json"))) if each["person"] == "guest"
    ]
    assert (guest["role"], guest["state"], guest["sites"]) == ("admin", "invited", None)
    assert not any(secret[1].encode() in each.read_bytes() for each in folder.rglob("*") if each.is_file())


@pytest.mark.parametrize(
    ("command", "status", "shown"),
    [
        (("tonight",), 1, "Demonstration|demo-campus: "),
        (("status",), 1, "Demonstration: North Campus"),
        (("device", "list", "--site", "demo-campus", "--all"), 0, "weak battery"),
        (("rotate", "status"), 0, "The next step needs your approval"),
        (("audit", "verify"), 0, "none missing"),
        (("audit", "show"), 0, "anna"),
        (("release", "list"), 0, "demo-clinic"),
        (("token", "list"), 0, "access-control"),
        (("site", "call-in", "demo-depot"), 0, "access.demo.example"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_the_other_commands_show_it(made: tuple[Path, str], command: tuple[str, ...], status: int, shown: str) -> None:
    done = engage(made[0], *command)
    assert done.returncode == status, done.stdout + done.stderr
    assert re.search(shown, " ".join(done.stdout.split()))


def test_json_is_all_that_is_printed(tmp_path: Path) -> None:
    folder = tmp_path / "json"
    done = engage(tmp_path, "demo", folder, "--doors", 12, "--nights", 6, "--json")
    said = json.loads(ok(done))
    assert said["folder"] == str(folder)
    assert said["serve"].endswith(f"--config {folder}/engage.toml serve")
    assert (said["person"], said["minutes"], said["nights"]) == ("guest", 10, 6)
    assert said["link"].startswith("http://localhost:8009/sign-in/")
    assert [(each["site"], each["devices"]) for each in said["sites"]] == [
        ("demo-campus", 7),
        ("demo-clinic", 3),
        ("demo-depot", 2),
    ]


def test_progress_is_shown_every_ten_nights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without filling anything: what the command tells goes to the terminal at once."""
    shown: list[str] = []

    def filled(folder: Path, size: object, now: datetime, tell: object) -> None:
        assert now.tzinfo is UTC
        assert callable(tell)
        tell("night 10 of 60")
        shown.append(str(folder))
        raise KeyboardInterrupt

    monkeypatch.setattr("engage_server.demo.filling.fill", filled)
    done = engage(tmp_path, "demo", "here")
    assert "night 10 of 60" in done.stdout
    assert shown == [str(tmp_path / "here")]
    assert demo_command.demo.name == "demo"


@pytest.mark.parametrize(
    ("before", "after", "environment", "sentence"),
    [
        ((), ("--doors", "11"), {}, "12<=x<=2000"),
        ((), ("--nights", "91"), {}, "6<=x<=90"),
        ((), (), {"ENGAGE_DATABASE_URL": "sqlite:////srv/engage.db"}, "ENGAGE_DATABASE_URL"),
        (("--config", "mine.toml"), (), {}, "its own settings file"),
    ],
)
def test_what_could_be_another_installation_is_refused(
    tmp_path: Path,
    before: tuple[str, ...],
    after: tuple[str, ...],
    environment: dict[str, str],
    sentence: str,
) -> None:
    (tmp_path / "mine.toml").write_text("")
    done = engage(tmp_path, *before, "demo", "here", *after, stdin=None, **environment)
    assert done.returncode != 0
    assert sentence in done.stderr
    assert "next: " in done.stderr
    assert not (tmp_path / "here").exists()


def test_an_installation_is_left_alone(installation: Path) -> None:
    before = {each: each.read_bytes() for each in installation.rglob("*.toml")}
    done = engage(installation, "demo", ".")
    assert done.returncode != 0
    assert "is not empty" in done.stderr
    assert {each: each.read_bytes() for each in installation.rglob("*.toml")} == before
