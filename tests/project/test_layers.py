"""Who may import whom: the table of the architecture, held against every import in the package."""

import ast
import re
from collections.abc import Iterable, Iterator, Set
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "engage_server"
EVERYONE = {"errors", "records", "files", "file_locks", "shown_text"}

# package -> what of ours it may import, besides errors, records and files
MAY = {
    "pki": set(),
    "protocol": set(),
    "checks": {"pki", "protocol"},
    "services": {"pki", "checks", "protocol", "store.interface"},
    "store": set(),
    "as_json": {"services", "checks", "pki"},
    "web": {"services", "protocol", "checks", "as_json"},
    "lock": {"protocol", "pki", "checks"},
    "serving": {
        "composition",
        "settings",
        "web",
        "protocol",
        "services.access",
        "services.backup",
        "services.distribution",
        "services.evidence",
        "services.call_in",
        "services.chains",
        "services.releases",
        "services.installation",
    },
    "cli": {
        "composition",
        "services",
        "as_json",
        "checks",
        "pki",
        "protocol",
        "lock",
        "settings",
        "settings_file",
        "settings_text",
        "variables",
        "serving",
        "demo",
    },
    "demo": {"composition", "services", "settings", "settings_text", "variables", "pki", "protocol", "lock"},
    "links": {
        "services",
        "checks",
        "protocol",
        "pki",
        "store.interface",
        "settings",
        "serving",
        "composition",
        "cli",
        "as_json",
        "variables",
    },
    "composition": {"services", "store", "settings", "settings_text", "variables", "pki", "protocol", "checks", "lock"},
    "settings": {"setting_values", "setting_folders", "settings_file", "variables"},
    "settings_file": {"variables"},
    "settings_text": {"settings", "setting_values"},
    "setting_values": set(),
    "setting_folders": set(),
    "variables": set(),
    "records": set(),
    "errors": set(),
    "files": set(),
    "file_locks": set(),
    "shown_text": set(),
    "__main__": {"cli"},
    "__init__": set(),
}

# room of services -> which rooms beside it it may import: a room knows only those below it
ROOMS: dict[str, set[str]] = {
    "disk_space": set(),
    "calling_out": set(),
    "access": set(),
    "keys": set(),
    "distribution": set(),
    "chains": set(),
    "device_files": {"disk_space"},
    "sites": {"disk_space", "device_files"},
    "evidence": {"disk_space", "distribution"},
    "site_path": {"disk_space", "evidence"},
    "kpn_devices": {"site_path"},
    "sims": set(),
    "releases": {"distribution", "chains", "evidence"},
    "call_in": {"disk_space", "calling_out", "distribution", "device_files", "sites", "evidence"},
    "waiting": {"device_files", "call_in"},
    "shared_files": {"disk_space", "device_files", "sites", "call_in", "waiting"},
    "rotation": {"access", "chains", "evidence", "releases", "site_path"},
    "risk": {"evidence", "site_path", "releases"},
    "doors": {"device_files", "sites", "evidence", "releases", "risk"},
    "vendor": {"chains", "device_files", "sites", "releases"},
    "backup": {"disk_space", "distribution", "device_files", "kpn_devices"},
    "installation": {"disk_space", "chains", "sites", "evidence", "site_path", "releases", "rotation"},
    "alerts": {
        "access",
        "calling_out",
        "sites",
        "evidence",
        "site_path",
        "releases",
        "rotation",
        "risk",
        "installation",
    },
}

# folder -> room -> which rooms beside it it may import; modules that lie in the folder itself may import all of them
FOLDERS: dict[str, dict[str, set[str]]] = {
    "lock": {
        "acceptance": set(),
        "transport": {"acceptance"},
        "conformance": {"acceptance", "transport"},
        "fleet": {"transport"},
    },
    "cli": {
        "access": {"shell"},
        "alerts": {"process", "shell"},
        "key": {"process", "shell"},
        "chain": {"shell"},
        "lock": {"process", "shell"},
        "site": {"process", "shell"},
        "device": {"process", "shell"},
        "release": {"process", "shell"},
        "backup": {"process", "shell"},
        "rotate": {"shell"},
        "installation": {"alerts", "rotate", "backup", "process", "shell"},
        "process": set(),
        "shell": set(),
    },
    "checks": {"explained": set(), "rules": set(), "reports": {"explained"}},
    "pki": {"containers": set(), "paths": {"containers"}, "issuing": set()},
    "store": {
        "interface": set(),
        "database": set(),
        "labels": {"interface", "database"},
        "evidence": {"interface", "database", "labels"},
        "queries": {"interface", "database", "labels", "evidence"},
        "keys": {"interface", "database", "queries", "alerts", "shared_files"},
        "shared_files": {"interface", "database", "queries", "evidence", "access"},
        "links": {"interface", "database", "queries", "evidence"},
        "access": {"interface", "database"},
        "alerts": {"interface", "database", "queries"},
        "paging": {"interface", "database", "labels", "queries", "evidence"},
        "switching": {"interface", "database", "queries"},
        "migrations": set(),
    },
    "links": {
        "registry": set(),
        "journal": {"registry"},
        "ingress": {"registry", "journal"},
        "kpn": {"registry", "journal", "ingress"},
        "m2u": {"registry", "journal", "ingress"},
        "telekom": {"registry", "journal", "ingress"},
        "sim": {"registry", "journal", "ingress"},
        "policy": set(),
        "commands": {"registry", "journal", "ingress", "kpn", "m2u", "telekom", "sim", "policy"},
    },
    "links/kpn": {"senml": set(), "answering": {"senml"}},
    "links/sim": {"contract": set(), "client": {"contract"}, "plans": set(), "polling": set()},
    "services/releases": {"views": set()},
    "services/backup": {"archive": set(), "nights": {"archive"}},
    "services/rotation": {"gate": set(), "planning": set(), "views": set()},
    "serving/worker": {"connections": set(), "answers": {"connections"}, "switching": set()},
    "serving": {"worker": set(), "opening": set(), "operators": {"worker", "opening"}},
}

# rooms that may import more than services as a whole
ALSO = {"chains": {"lock"}, "backup": {"lock"}}  # a live host is looked at as a device would

NEVER = {
    "pki": {"flask", "sqlalchemy", "click", "time", "os", "pathlib", "socket"},
    "protocol": {"flask", "sqlalchemy", "click", "time", "os", "pathlib", "socket"},
    "checks": {"flask", "sqlalchemy", "click", "time", "os", "pathlib", "socket"},
    "records": {"flask", "sqlalchemy", "click", "time", "os", "pathlib", "socket"},
    "services": {"flask", "sqlalchemy", "click", "time"},
    "store": {"flask", "click"},
    "as_json": {"flask", "sqlalchemy", "click", "time", "os", "pathlib", "socket"},
    "web": {"sqlalchemy", "click"},
    "lock": {"flask", "sqlalchemy", "click"},
    "cli": {"flask", "sqlalchemy"},
    "links": {"sqlalchemy"},
    "demo": {"flask", "sqlalchemy", "click", "time", "os", "socket"},
}
# rooms of links that may do what the others may not
_LINKS_ALONE = {"cli": {"commands"}, "composition": {"commands", "ingress"}, "as_json": {"commands"}}


def _modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).parts[0].removesuffix(".py"), path


@cache
def _imports(source: str) -> tuple[str, ...]:
    """Every imported module, ``from package import module`` written out, wherever in the file it stands."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found += (f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(found)


def violations(layer: str, source: str, also: Set[str] = frozenset()) -> list[str]:
    """The imports that the layer may not have; ``also`` is what its room may have besides."""
    found = []
    for imported in _imports(source):
        top, _, rest = imported.partition(".")
        if top != "engage_server":
            if top in NEVER.get(layer, set()):
                found.append(imported)
            continue
        target = rest.split(".")[0]
        allowed = EVERYONE | {layer, "__version__"} | MAY[layer] | also
        if target not in allowed and not any(rest.startswith(f"{each}.") for each in MAY[layer]):
            found.append(imported)
    return found


def test_imports_go_one_way() -> None:
    modules = list(_modules())
    assert {layer for layer, _ in modules} <= set(MAY), "each stands in a row of the table"
    rooms = {path: path.relative_to(PACKAGE).parts[1] if layer == "services" else "" for layer, path in modules}
    found = {path: violations(layer, _text(path), ALSO.get(rooms[path], set())) for layer, path in modules}
    assert _where(found) == {}


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _where(found: dict[Path, list[str]]) -> dict[str, list[str]]:
    """What was found, by the module's place in the package. One test for all modules: thousands of tests cost more."""
    assert len(found) > 20, "modules were looked at"
    return {path.relative_to(PACKAGE).as_posix(): imports for path, imports in found.items() if imports}


def room_violations(room: str, source: str) -> list[str]:
    """The imports of other rooms of services that this room may not have."""
    return [
        imported
        for imported in _imports(source)
        if imported.startswith("engage_server.services.") and imported.split(".")[2] not in ROOMS[room] | {room}
    ]


def _services() -> Iterator[tuple[str, Path]]:
    for path in sorted((PACKAGE / "services").rglob("*.py")):
        if path.parent != PACKAGE / "services":
            yield path.relative_to(PACKAGE / "services").parts[0], path


def test_rooms_of_services_know_only_those_below() -> None:
    modules = list(_services())
    assert {room for room, _ in modules} <= set(ROOMS), "each stands in a row of the table"
    assert _where({path: room_violations(room, _text(path)) for room, path in modules}) == {}


def folder_violations(folder: str, room: str, source: str) -> list[str]:
    """The imports of other rooms of a folder that this room may not have."""
    begin = f"engage_server.{folder.replace('/', '.')}."
    rooms = FOLDERS[folder]
    reached = [(each, each.removeprefix(begin).split(".")[0]) for each in _imports(source) if each.startswith(begin)]
    return [each for each, other in reached if other in rooms and other not in rooms[room] | {room}]


def _in_folders() -> Iterator[tuple[str, str, Path]]:
    for folder, rooms in FOLDERS.items():
        for room in rooms:
            yield from ((folder, room, path) for path in sorted((PACKAGE / folder / room).rglob("*.py")))


def test_rooms_of_other_folders_know_only_those_below() -> None:
    found: dict[Path, list[str]] = {}
    for folder, room, path in _in_folders():  # a module may stand in a room of a room
        found[path] = found.get(path, []) + folder_violations(folder, room, _text(path))
    assert _where(found) == {}


@pytest.mark.parametrize(
    ("folder", "room", "source"),
    [
        ("lock", "acceptance", "from engage_server.lock.transport.http import request_bytes"),
        ("serving", "worker", "from engage_server.serving.operators import app"),
        ("serving/worker", "connections", "from engage_server.serving.worker.answers import wire"),
    ],
)
def test_the_test_of_folders_finds_what_it_looks_for(folder: str, room: str, source: str) -> None:
    assert folder_violations(folder, room, source)


def link_violations(room: str, source: str) -> list[str]:
    """The imports that only some rooms of the links may have."""
    found = []
    for imported in _imports(source):
        top, _, rest = imported.partition(".")
        target = rest.split(".")[0]
        if top == "engage_server" and target in _LINKS_ALONE and room not in _LINKS_ALONE[target]:
            found.append(imported)
    return found


def test_only_commands_of_links_know_the_command_line() -> None:
    rooms = {path: path.relative_to(PACKAGE / "links").parts[0] for path in (PACKAGE / "links").rglob("*.py")}
    found = {path: link_violations(room.removesuffix(".py"), _text(path)) for path, room in rooms.items()}
    assert _where(found) == {}


def test_the_test_of_links_finds_what_it_looks_for() -> None:
    assert link_violations("kpn", "from engage_server.cli.output import table")
    assert link_violations("commands", "from engage_server.cli.output import table") == []


# wire forms, each a noun of the protocol's page; values that are read through the package's face
_LONG_LISTS = {"protocol": 15, "records": 28, "as_json": 26, "interface": 15}
_SIDE_BY_SIDE = 13


def crowded(folders: Iterable[Path]) -> dict[str, int]:
    """The folders in which more modules lie side by side than a reader takes in at a glance."""
    counts = {f.name: sum(path.name != "__init__.py" for path in f.glob("*.py")) for f in folders}
    return {name: count for name, count in counts.items() if count > _LONG_LISTS.get(name, _SIDE_BY_SIDE)}


def test_no_room_is_crowded() -> None:
    assert crowded(path for path in PACKAGE.rglob("*") if path.is_dir() and path.name != "versions") == {}


def test_a_crowded_room_would_be_found(tmp_path: Path) -> None:
    for number in range(_SIDE_BY_SIDE + 1):
        assert crowded([tmp_path]) == {}
        (tmp_path / f"{number}.py").touch()
    assert crowded([tmp_path]) == {tmp_path.name: _SIDE_BY_SIDE + 1}


def test_every_module_of_services_stands_in_a_room() -> None:
    assert [path.name for path in (PACKAGE / "services").glob("*.py")] == ["__init__.py"]


def test_the_rooms_stand_on_floors() -> None:
    """Each row names only rows above it: so there is no circle."""
    rows = list(ROOMS)
    for room, below in ROOMS.items():
        assert below <= set(rows[: rows.index(room)]), room


@pytest.mark.parametrize(
    "source",
    ["from engage_server.services.releases.lifecycle import Releases", "from engage_server.services import rotation"],
)
def test_the_test_of_rooms_finds_what_it_looks_for(source: str) -> None:
    assert room_violations("evidence", source)


@pytest.mark.parametrize(
    ("layer", "source"),
    [
        ("pki", "import os"),
        ("pki", "from engage_server.protocol import paths"),
        ("services", "from flask import request"),
        ("services", "from engage_server.store.sql_store import SqlStore"),
        ("services", "from engage_server.store import sql_store"),
        ("web", "def f():\n    from engage_server.store import interface"),
        ("lock", "from engage_server.services import distribution"),
        ("serving", "from engage_server.services.rotation.lifecycle import Rotations"),
        ("serving", "from engage_server.store.sql_store import SqlStore"),
        ("cli", "import sqlalchemy.orm"),
        ("store", "from engage_server.services import sites"),
        ("composition", "from engage_server.web.app import create_app"),
        ("services", "from engage_server.lock.limits import DeviceLimits"),
        ("as_json", "import click"),
        ("as_json", "from engage_server.store.interface import Store"),
    ],
)
def test_the_test_finds_what_it_looks_for(layer: str, source: str) -> None:
    assert violations(layer, source)


def test_the_store_interface_is_open_to_services() -> None:
    assert violations("services", "from engage_server.store.interface import Store") == []


def mapped(page: str) -> dict[str, set[str]]:
    """Package and what it may import, as the map of CONTRIBUTING.md has it."""
    rows = re.findall(r"^\| `(\w+)` \| .+ \| (`.+`|nothing) \|$", page, re.MULTILINE)
    return {name: set(re.findall(r"`([\w.]+)`", others)) for name, others in rows}


def test_the_map_of_the_house_is_this_table() -> None:
    single = {name for name in MAY if not (PACKAGE / name).is_dir() and name != "settings"}
    wanted = {name: others for name, others in MAY.items() if name not in single | EVERYONE}
    assert mapped((PACKAGE.parent / "CONTRIBUTING.md").read_text()) == wanted


def test_a_row_of_the_map_is_read() -> None:
    assert mapped("| `a` | does it | `b`, `c.d` |\n| `e` | is | nothing |\n| x | `y` |\n") == {
        "a": {"b", "c.d"},
        "e": set(),
    }
