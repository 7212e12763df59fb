"""Commands in a process to which modules, and names of modules, are hidden: as where they are not installed."""

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.support.commands import clean_environment

_ROOT = Path(__file__).parents[2]

_PROGRAM = '''
import contextlib, importlib, io, json, sys

given = json.loads(sys.argv[1])

def is_hidden(name):
    return name in given["modules"] or name.partition(".")[0] in given["modules"]

class Hidden:
    """Answers for what is hidden, before anybody looks for it."""

    def find_spec(self, name, path=None, target=None):
        if is_hidden(name):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

for name in filter(is_hidden, list(sys.modules)):
    del sys.modules[name]
sys.meta_path.insert(0, Hidden())
for module, name in given["names"]:
    with contextlib.suppress(AttributeError):
        delattr(importlib.import_module(module), name)

from engage_server.cli import _status

for arguments in given["commands"]:
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = _status(arguments)
        out.flush()
    print(json.dumps({"status": status, "out": out.buffer.getvalue().decode(), "err": err.getvalue()}))
'''


@dataclass(frozen=True)
class Finished:
    """What became of a command."""

    status: int
    out: str
    err: str


def run_without(
    modules: Iterable[str], names: Iterable[tuple[str, str]], folder: Path, *commands: Sequence[object]
) -> list[Finished]:
    """Run commands, one after the other, in one process that has not got these.

    Args:
        modules: Those that cannot be imported; of a package all that is in it.
        names: Names that a module has not got, such as ``("os", "getuid")``.
        folder: Where.
        commands: The arguments of each.
    """
    given = {
        "modules": sorted(modules),
        "names": sorted(names),
        "commands": [[str(argument) for argument in command] for command in commands],
    }
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, json.dumps(given)],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [Finished(**json.loads(line)) for line in done.stdout.splitlines()]


def modules_beyond(lock: str) -> set[str]:
    """The top-level modules of the packages of the whole product that a lock file does not name."""
    missing = _packages("requirements.lock") - _packages(lock)
    return {
        module
        for module, packages in packages_distributions().items()
        if {package.lower().replace("_", "-") for package in packages} <= missing
    }


def _packages(lock: str) -> set[str]:
    lines = (_ROOT / lock).read_text().splitlines()
    return {line.partition("==")[0].partition("[")[0] for line in lines if "==" in line}
