"""Names of doors on the command line: given, imported, found, shown first, and given back."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from engage_server.records import DeviceLabel, Sighting, SightingKind
from engage_server.services.evidence.fold import fold
from engage_server.store.database.engine import open_engine, writing
from engage_server.store.labels.label_queries import set_labels
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW
from tests.support.commands import engage, ok
from tests.support.databases import SEALER
from tests.support.world import address_of, serial_of

ONE, TWO, SEEN = serial_of(1), serial_of(2), serial_of(3)


@pytest.fixture
def doors(installation: Path) -> Path:
    """Two doors on the list, and one that called."""
    ok(engage(installation, "device", "add", ONE, TWO))
    store = SqlStore(open_engine(f"sqlite:///{installation}/data/engage.db"), SEALER)
    seen = Sighting(SightingKind.NOTICE, NOW, "http", address_of(3), SEEN, "main", 1)
    assert store.record_sightings("segment", 0, 1, [seen], fold, NOW)
    store.close()
    return installation


def as_json(folder: Path, *arguments: object) -> Any:
    return json.loads(ok(engage(folder, *arguments, "--json")))


def last_entry(folder: Path) -> dict[str, Any]:
    entry = as_json(folder, "audit", "show", "--limit", 1)[0]
    assert isinstance(entry, dict)
    return entry


def test_a_door_is_named_and_its_name_comes_first(doors: Path) -> None:
    told = as_json(
        doors, "device", "name", ONE, "--name", "North entrance", "--place", "Building 3", "--reason", "sign"
    )
    assert told == {"device": ONE, "site": "main", "name": "North entrance", "place": "Building 3"}
    entry = last_entry(doors)
    assert (entry["action"], entry["reason"], entry["before"]["name"]) == ("device:named", "sign", "")
    found = {each["device"]: (each["name"], each["place"]) for each in as_json(doors, "device", "list", "--all")}
    assert found == {ONE: ("North entrance", "Building 3"), TWO: (None, None), SEEN: (None, None)}
    heading, *rows = ok(engage(doors, "device", "list")).splitlines()
    assert heading.split()[:2] == ["name", "device"]
    assert any(row.startswith(f"North entrance  {ONE}") for row in rows)
    shown = ok(engage(doors, "device", "show", ONE))
    assert shown.startswith(f"North entrance ({ONE}) of main was added")
    assert ["name", "none"] in [
        row.split() for row in ok(engage(doors, "device", "name", ONE, "--name", "")).splitlines()
    ]
    assert as_json(doors, "device", "show", ONE)[0]["name"] is None


def test_a_list_without_names_has_no_column_for_them(doors: Path) -> None:
    assert ok(engage(doors, "device", "list")).split()[0] == "device"


def test_who_is_on_no_list_is_named_and_stays_on_none(doors: Path) -> None:
    ok(engage(doors, "device", "name", SEEN, "--place", "Yard"))
    (known,) = as_json(doors, "device", "show", SEEN)
    assert (known["place"], as_json(doors, "site", "call-in", "main")["site"]) == ("Yard", "main")
    stranger = next(each for each in as_json(doors, "device", "list", "--all") if each["device"] == SEEN)
    assert stranger["stranger"] is True
    shown = ok(engage(doors, "device", "show", SEEN)).splitlines()
    assert [row.split()[:2] for row in shown[:2]] == [["place", "Yard"], ["device", SEEN]]


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ((ONE,), 2, "there is nothing to change"),
        ((ONE, "--name", "a\u202eb"), 2, "the name has the character U+202E"),
        ((ONE, "--name", "x" * 81), 2, "the name has 81 characters"),
        ((ONE, "--place", "x" * 121), 2, "the place has 121 characters"),
        ((serial_of(9), "--name", "x"), 2, "was ever seen or added"),
        ((ONE, "--name", "x", "--site", "nowhere"), 2, "there is no site"),
    ],
)
def test_what_is_refused(doors: Path, arguments: tuple[str, ...], status: int, says: str) -> None:
    done = engage(doors, "device", "name", *arguments)
    assert (done.returncode, says in done.stderr) == (status, True), done.stderr
    assert as_json(doors, "device", "show", ONE)[0]["name"] is None


def test_a_door_is_added_with_its_name(doors: Path) -> None:
    added = as_json(doors, "device", "add", serial_of(5), "--name", "Gate", "--place", "Yard")
    assert added == [{"serial": serial_of(5), "site": "main", "name": "Gate", "place": "Yard"}]
    assert f"Gate ({serial_of(5)}) belongs to main" in ok(
        engage(doors, "device", "add", serial_of(5), "--name", "Gate")
    )
    done = engage(doors, "device", "add", serial_of(6), serial_of(7), "--name", "Gate")
    assert (done.returncode, "--name is for one device" in done.stderr) == (2, True)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_spreadsheet_is_imported_with_its_names(doors: Path, encoding: str) -> None:
    text = f'Name;Serial number;Floor;Place\r\n"S\u00fcd; links";{TWO};2;\r\nGate;{serial_of(5)};0;"Yard ""A"""\r\n'
    (doors / "doors.csv").write_bytes(text.encode(encoding))
    done = engage(doors, "device", "import", "doors.csv")
    assert ok(done).startswith("1 device added to main\n2 devices named\n")
    assert "these columns of doors.csv are not read: Floor" in done.stderr
    found = {each["device"]: (each["name"], each["place"]) for each in as_json(doors, "device", "list", "--all")}
    assert (found[TWO], found[serial_of(5)]) == (("S\u00fcd; links", None), ("Gate", 'Yard "A"'))
    assert last_entry(doors)["facts"] == {"added": "1", "named": "2"}


def test_a_wrong_line_imports_nothing(doors: Path) -> None:
    (doors / "doors.csv").write_text(f"serial,name\n{serial_of(5)},Gate\nnothing,x\n{TWO},{'x' * 81}\n")
    done = engage(doors, "device", "import", "doors.csv")
    assert done.returncode == 2
    assert "line 3: 'nothing' is not a serial number\n  line 4: the name has 81 characters" in done.stderr
    assert len(as_json(doors, "device", "list", "--all")) == 3


def test_an_export_has_no_formula_and_comes_back(doors: Path) -> None:
    names = {ONE: "=cmd|' /C calc'!A0", TWO: "-1", SEEN: "<script>"}
    for serial, name in names.items():
        ok(engage(doors, "device", "name", serial, "--name", name, "--place", "@home"))
    text = ok(engage(doors, "device", "export"))
    rows = list(csv.DictReader(StringIO(text)))
    assert {row["device"] for row in rows} == set(names)
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]
    for serial in names:
        ok(engage(doors, "device", "name", serial, "--name", "", "--place", ""))
    (doors / "back.csv").write_text(text)
    ok(engage(doors, "device", "import", "back.csv"))
    found = {each["device"]: each["name"] for each in as_json(doors, "device", "list", "--all")}
    assert found == names


def test_a_search_finds_words_and_numbers(doors: Path) -> None:
    ok(engage(doors, "device", "name", ONE, "--name", "North entrance"))
    ok(engage(doors, "device", "name", SEEN, "--name", "Gate", "--place", "north yard"))

    def found(*arguments: object) -> list[str]:
        return [each["device"] for each in as_json(doors, "device", "list", "--search", *arguments)]

    assert found("NORTH") == found("north", "--all") == [ONE, SEEN]
    assert found("north", "--limit", 1) == [ONE]
    assert found(TWO[16:]) == [TWO]
    assert "begins with 'west'" in ok(engage(doors, "device", "list", "--search", "west"))
    for wrong in (("--search", "x", "--after", ONE), ("--search", " ")):
        assert engage(doors, "device", "list", *wrong).returncode == 2


def test_what_is_stored_steers_no_terminal(doors: Path) -> None:
    """A label that went past every check: an older version's, or another program's."""
    engine = open_engine(f"sqlite:///{doors}/data/engage.db")
    with writing(engine) as connection:
        set_labels(connection, 1, {ONE: DeviceLabel("a\x1b[31m\nnext: evil\u202e")})
    engine.dispose()
    for command in (("device", "list"), ("device", "show", ONE), ("device", "name", ONE, "--place", "x"), ("status",)):
        done = engage(doors, *command)
        assert not {"\x1b", "\u202e"} & set(done.stdout + done.stderr), command
        assert "\nnext: evil" not in done.stdout


def test_a_site_has_a_title_and_a_zone(doors: Path) -> None:
    told = as_json(doors, "site", "change", "main", "--title", "Depot Nord", "--time-zone", "europe/berlin")
    assert (told["title"], told["time_zone"]) == ("Depot Nord", "Europe/Berlin")
    assert 'main "Depot Nord"' in ok(engage(doors, "site", "list"))
    assert "Europe/Berlin" in ok(engage(doors, "site", "show", "main"))
    assert 'main "Depot Nord" (default)' in engage(doors, "status").stdout
    done = engage(doors, "site", "change", "main", "--time-zone", "Europe/Berlim")
    assert (done.returncode, "Did you mean Europe/Berlin" in done.stderr) == (2, True)
    ok(engage(doors, "site", "change", "main", "--title", ""))
    (doors / "other.key").write_text("ab" * 32)
    ok(
        engage(
            doors,
            *("site", "add", "other", "--host", "o.example", "--site-key-file", "other.key"),
            *("--title", "Second", "--time-zone", "America/Sao_Paulo"),
        )
    )
    sites = {each["site"]: (each["title"], each["time_zone"]) for each in as_json(doors, "site", "list")}
    assert sites == {"main": ("", "Europe/Berlin"), "other": ("Second", "America/Sao_Paulo")}
