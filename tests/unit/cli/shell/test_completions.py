"""Shell completion: names of the installation, or nothing; never an error, and nothing on standard error."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from engage_server.cli.root import COMMANDS
from engage_server.cli.session import Session
from engage_server.composition.names import Names
from engage_server.protocol.site_key import write_site_key
from engage_server.records import Actor, ActorKind
from engage_server.store.sql_store import SqlStore
from tests.support.chains import HOSTS, OTHER_SITE_KEY
from tests.support.commands import ENGAGE, clean_environment, engage, ok
from tests.support.installation import make_installation
from tests.support.world import World

_SERIALS = ("0000000000000000A0B1000000000206", "0000000000000000A0B1000000000207", "FF00000000000000A0B1000000000001")


def completed(folder: Path, *words: str) -> list[str]:
    """What bash is given for the last word."""
    done = engage(folder, _ENGAGE_COMPLETE="bash_complete", COMP_WORDS="\n".join(words), COMP_CWORD=str(len(words) - 1))
    assert (done.returncode, done.stderr) == (0, "")
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


@pytest.fixture(scope="module")
def two_sites(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sites main and mine, three devices, and a second release. No test changes it."""
    folder = make_installation(tmp_path_factory.mktemp("two-sites"))
    key = write_site_key(OTHER_SITE_KEY)
    ok(engage(folder, "site", "add", "mine", "--host", "mine.example.org", "--site-key-file", "-", stdin=key))
    ok(engage(folder, "device", "add", *_SERIALS))
    ok(engage(folder, "chain", "build", "certs/two", *(text for host in HOSTS for text in ("--host", host.text))))
    ok(engage(folder, "release", "stage", "certs/two"))
    return folder


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("site", "show", ""), ["main", "mine"]),
        (("site", "show", "ma"), ["main"]),
        (("device", "list", "--site", "mi"), ["mine"]),
        (("rotate", "status", "--site", ""), ["main", "mine"]),
        (("rotate", "start", "--wave", "main,m"), ["main,main", "main,mine"]),
        (("release", "activate", ""), ["2", "1"]),
        (("release", "activate", "--site", "mine", ""), []),
        (("device", "list", "--release", "1"), ["1"]),
        (("device", "show", "FF"), ["FF00000000000000A0B1000000000001"]),
        (("device", "remove", "0"), list(_SERIALS[:2])),
        (("device", "remove", "--site", "mine", "0"), []),
        (("rotate", "plan", "--way", "li"), ["linked-rekey"]),
        (("device", "show", "%"), []),
        (("rotate", ""), ["plan", "start", "status", "approve", "abort"]),
    ],
)
def test_names_of_the_installation(two_sites: Path, words: tuple[str, ...], names: list[str]) -> None:
    assert completed(two_sites, "engage", *words) == names


@pytest.mark.parametrize("words", [("site", "show", ""), ("release", "activate", ""), ("device", "show", "0")])
def test_a_name_is_for_those_who_may_see_it(
    two_sites: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert completed(two_sites, "engage", *words), "the control"
    monkeypatch.setattr(Session, "acting", lambda _session: Actor("guest", ActorKind.PERSON))
    assert completed(two_sites, "engage", *words) == []


def test_the_settings_file_that_was_named_counts(two_sites: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    words = ("engage", "--config", str(two_sites / "engage.toml"), "site", "show", "")
    assert completed(elsewhere, *words) == ["main", "mine"]
    assert completed(elsewhere, "engage", "site", "show", "") == []


def test_without_an_installation_there_is_silence(tmp_path: Path) -> None:
    assert completed(tmp_path, "engage", "site", "show", "") == []
    assert completed(tmp_path, "engage", "") == list(COMMANDS)
    assert list(tmp_path.iterdir()) == [], "and nothing is made"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "engage.toml").write_text("not = = toml"),
        lambda folder: (folder / "engage.toml").write_text("workerz = 3"),
        lambda folder: (folder / "data" / "engage.db").write_bytes(b"no database" * 100),
        lambda folder: (folder / "engage.toml").write_text('database_url = "postgresql://x@127.0.0.1:1/x"'),
    ],
)
def test_what_is_broken_completes_nothing(installation: Path, spoil: object) -> None:
    assert callable(spoil)
    spoil(installation)
    assert completed(installation, "engage", "site", "show", "") == []


def test_no_key_is_needed(installation: Path) -> None:
    (installation / "engage.kek").unlink()
    assert completed(installation, "engage", "site", "show", "") == ["main"]


def test_a_database_that_does_not_answer_is_not_waited_for(installation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def never(_settings: object) -> Iterator[Names]:
        while signal.getitimer(signal.ITIMER_REAL)[0]:
            pass
        yield Names(SqlStore(create_engine("sqlite://"), None))

    monkeypatch.setattr("engage_server.composition.names.open_names", never)
    monkeypatch.setattr("engage_server.cli.shell.completions._SECONDS", 0.05)
    assert completed(installation, "engage", "site", "show", "") == []


def test_a_command_that_lacks_a_package_completes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engage_server.cli.groups.importlib.import_module", _not_installed)
    assert completed(tmp_path, "engage", "rotate", "") == []


def _not_installed(_name: str) -> object:
    raise ModuleNotFoundError(name="sqlalchemy")


def played(shell: tuple[str, ...], script: str, folder: Path) -> list[str]:
    """The lines that a script of a real shell prints. The shell has no settings of this machine's user."""
    environment = clean_environment() | {"PATH": f"{Path(ENGAGE).parent}:/usr/bin:/bin", "HOME": str(folder)}
    done = subprocess.run(
        [*shell, "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout.splitlines()


def not_there(shell: str) -> pytest.MarkDecorator:
    """Skips a test where a shell is missing."""
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed (Debian: {shell})")


def test_in_a_real_bash(two_sites: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    script = (
        "source <(engage completion bash)\n"
        'try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _engage_completion engage; '
        'echo "${COMPREPLY[*]}"; }\n'
        "try engage site show ma\ntry engage device show F\ncomplete -p engage\n"
        f"cd {tmp_path_factory.mktemp('elsewhere')}\ntry engage site show ma\n"
    )
    lines = ["main", _SERIALS[2], "complete -o nosort -F _engage_completion engage", ""]
    assert played(("bash",), script, two_sites) == lines


@not_there("zsh")
def test_in_a_real_zsh(two_sites: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """In a terminal, with the Tab key: a zsh that only runs a script completes nothing."""
    script = (
        "zmodload zsh/zpty; zpty terminal zsh -f -i\n"
        "type() { zpty -w terminal $1; zpty -r terminal shown $'*<<*>>*'; print -r -- ${${shown##*<<}%%>>*}; }\n"
        'type \'autoload -Uz compinit; compinit -D -u; engage() { print -r -- "<""<$*>>" }; engage before\'\n'
        "type $'engage site show ma\\t'\n"
        "type 'source =(env engage completion zsh); engage after'\n"
        "type $'engage site show ma\\t'\n"
        f"type 'cd {tmp_path_factory.mktemp('elsewhere')}; engage there'\n"
        "type $'engage site show ma\\t'\n"
    )
    before, after, there = ["before", "site show ma"], ["after", "site show main"], ["there", "site show ma"]
    assert played(("zsh", "-f"), script, two_sites) == [*before, *after, *there]


@not_there("fish")
def test_in_a_real_fish(two_sites: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    asked = 'complete -C "engage site show ma"\n'
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    script = f"{asked}echo after\nengage completion fish | source\n{asked}echo there\ncd {elsewhere}\n{asked}"
    assert played(("fish", "--no-config"), script, two_sites) == ["after", "main", "there"]


@pytest.mark.parametrize(("shell", "word"), [("bash", "complete -o"), ("zsh", "compdef"), ("fish", "complete --")])
def test_each_shell_has_its_script(tmp_path: Path, shell: str, word: str) -> None:
    assert word in ok(engage(tmp_path, "completion", shell))


def test_only_what_can_be_retired_is_offered_for_it(two_sites: Path, world: World) -> None:
    assert completed(two_sites, "engage", "release", "retire", "") == [], "release 1 is current, release 2 staged"
    world.add_site()
    first, second, third = (world.release() for _ in range(3))
    world.releases.retire("main", first, "", world.later(days=1))
    assert Names(world.store).former_releases(None) == [second]
    assert Names(world.store).releases(None) == [third, second, first]
