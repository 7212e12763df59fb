"""What a command imports before it does anything: most of the time of a short one, and what a light install has not."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.commands import clean_environment
from tests.support.hidden import modules_beyond
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
GOOD = str(ROOT / "docs" / "examples" / "good")

SERVING = {"flask", "werkzeug", "jinja2", "gunicorn", "prometheus_client", "psycopg", "urllib3"}
STORE = {"sqlalchemy", "alembic", "sqlite3"}
DEVICES = {"OpenSSL", "service_identity", "pydantic", "concurrent.futures"}
CERTIFICATES = {"cryptography.x509"}

# command -> what it never imports, beside what belongs to the serving of devices
NEVER: dict[tuple[str, ...], set[str]] = {
    ("--help",): STORE | DEVICES | {"cryptography", "engage_server.checks", "engage_server.records"},
    ("--version",): STORE | DEVICES | {"cryptography", "engage_server.checks", "engage_server.records"},
    ("chain", "--help"): STORE,
    ("chain", "check", GOOD): STORE | DEVICES | {"xml", "email.generator", "getpass", "engage_server.settings"},
    ("chain", "check", GOOD, "--format", "json"): STORE | DEVICES | {"xml", "email.generator", "getpass"},
    ("chain", "show", GOOD): STORE | DEVICES | {"xml", "email.generator", "getpass", "engage_server.checks"},
    ("hash", f"{GOOD}/partner_CA.pem"): STORE | DEVICES,
    ("telekom", "check", GOOD): STORE | DEVICES | {"xml", "lxml", "engage_server.settings"},
    ("settings",): STORE | DEVICES | {"cryptography"},
    ("serve", "--help"): {"pydantic", "alembic", "sqlalchemy.dialects.postgresql"},  # what the supervisor of a pair has
    ("site", "list"): (DEVICES - {"concurrent.futures"})
    | CERTIFICATES
    | {"alembic", "sqlalchemy.dialects.postgresql", "engage_server.checks", "engage_server.services.chains"},
}
# what they do import: a name that nobody imports would stand in the table above for ever
CONTROL: dict[tuple[str, ...], set[str]] = {
    ("chain", "check", GOOD, "--format", "junit"): {"xml", "cryptography.x509", "engage_server.checks"},
    ("lock", "fetch", "--help"): {"OpenSSL", "service_identity"},
    ("serve", "--help"): {"sqlalchemy", "concurrent.futures", "engage_server.serving.pair"},
}
_PROGRAM = """
import json, sys
from engage_server.cli import _status
_status(json.loads(sys.argv[1]))
print(json.dumps(sorted(sys.modules)))
"""


def pins(lock: str) -> set[str]:
    """Names with versions, and hashes."""
    return {line.split(" ;")[0].strip(" \\") for line in (ROOT / lock).read_text().splitlines()}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a settings file, as ``engage init`` writes one, and with a value in it."""
    folder = tmp_path_factory.mktemp("installation")
    subprocess.run(
        [sys.executable, "-m", "engage_server", "init", "--host", "127.0.0.1"],
        cwd=folder,
        capture_output=True,
        check=True,
    )
    with (folder / "engage.toml").open("a") as file:
        file.write('\nworkers = 3\ntrusted_proxies = ["10.0.0.0/8"]\n')
    return folder


def imported(command: tuple[str, ...], folder: Path) -> set[str]:
    """The modules that are there after a command."""
    program = [sys.executable, "-c", _PROGRAM, json.dumps(command)]
    done = subprocess.run(program, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def _named(command: tuple[str, ...]) -> str:
    return " ".join(command).replace(f"{ROOT}/", "")


@pytest.mark.parametrize("command", NEVER, ids=_named)
def test_a_command_imports_no_more_than_it_needs(command: tuple[str, ...], installation: Path) -> None:
    assert imported(command, installation) & (NEVER[command] | SERVING) == set()


@pytest.mark.parametrize("command", CONTROL, ids=_named)
def test_the_control_imports_it(command: tuple[str, ...], installation: Path) -> None:
    assert CONTROL[command] <= imported(command, installation)


def test_what_a_light_install_leaves_away() -> None:
    """So that the tests that hide it hide something."""
    assert {"sqlalchemy", "flask", "gunicorn", "pydantic", "psycopg", "urllib3"} <= modules_beyond(
        "requirements-check.lock"
    )
    assert not {"click", "cryptography", "OpenSSL", "idna"} & modules_beyond("requirements-check.lock")


def test_the_packages_of_a_check_are_of_the_product() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(project["dependency-groups"]["check"]) < set(project["project"]["dependencies"])
    assert pins("requirements-check.lock") < pins("requirements.lock")


@pytest.mark.parametrize(
    ("command", "seldom"),
    [(("settings",), True), (("serve", "http"), False), (("serve",), False)],
    ids=["settings", "an instance", "a pair"],
)
def test_only_what_goes_on_collects_often(command: tuple[str, ...], seldom: bool, installation: Path) -> None:
    program = (
        "import atexit, gc, sys\n"
        "frozen = gc.get_freeze_count()\n"  # not 0 from Python 3.12 on
        "atexit.register(lambda: print(gc.get_threshold()[0] > 10_000, gc.get_freeze_count() == frozen))\n"
        "import engage_server.serving.pair\nengage_server.serving.pair.Pair.run = lambda self: 0\n"
        f"if {not seldom}:\n"
        "    import engage_server.serving.instance as instance\n"
        "    instance.ListenerApplication.run = lambda self: None\n"
        "from engage_server.cli import main\nmain(sys.argv[1:])"
    )
    ports = {f"ENGAGE_{name}_PORT": str(free_port()) for name in ("HTTP", "HTTPS", "OPERATORS")}
    done = subprocess.run(
        [sys.executable, "-c", program, *command],
        cwd=installation,
        env=clean_environment() | ports,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines()[-1] == f"{seldom} {seldom}"


_LATER = """
import json, os, pathlib, signal, sys
import engage_server.serving.instance as instance
known, equip = set(), instance.ListenerApplication.equip
os.register_at_fork(after_in_child=lambda: known.update(sys.modules))
if sys.argv.pop(1) == "control":
    instance.import_services = lambda **_: None

def noted(application, worker):
    equipment = equip(application, worker)
    pathlib.Path("later.json").write_text(json.dumps(sorted(set(sys.modules) - known)))
    os.kill(os.getppid(), signal.SIGTERM)
    return equipment

instance.ListenerApplication.equip = noted
from engage_server.cli import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize("what", ["serve", "control"])
def test_workers_of_devices_import_nothing_that_their_parent_could_share(what: str, installation: Path) -> None:
    """Each worker would take the time and the memory of it, also after each reload."""
    command = ("serve", "http", "--http-port", str(free_port()), "--workers", "1")
    program = [sys.executable, "-c", _LATER, what, *command]
    subprocess.run(program, cwd=installation, env=clean_environment(), capture_output=True, check=False, timeout=120)
    later = json.loads((installation / "later.json").read_text())
    ours = [name for name in later if name.startswith("engage_server.")]
    assert (ours == []) == (what == "serve"), ours
