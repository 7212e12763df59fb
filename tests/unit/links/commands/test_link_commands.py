"""``engage link`` on an installation: what is listed, what a link said, and what is wrong with the file."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engage_server.composition.operator_side import open_operator_side
from engage_server.records import LINK_REGISTERED, PathEvent, PathSays
from engage_server.services.site_path.fold import fold
from engage_server.settings import load_settings
from tests.support.commands import engage
from tests.support.installation import make_installation
from tests.support.kpn import DESTINATION_SECRET
from tests.support.running import ok

LINKS = """
[links.sim]
site = "main"
partner = "kpn"
destination = "doors"
secret_file = "kpn.secret"
expects_every_minutes = 10

[links.router]
site = "main"
partner = "m2u"
slot = "plant"
login_file = "plant.login"
accounts = { acme = [] }
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with two links, of which one has reported."""
    folder = make_installation(tmp_path_factory.mktemp("links"))
    (folder / "links.toml").write_text(LINKS)
    write_secrets(folder)
    report(folder, (LINK_REGISTERED, PathSays.NOTHING, 50), ("kpn_message", PathSays.WORKS, 5))
    return folder


def write_secrets(folder: Path) -> None:
    """The files that the links name."""
    for name, content in (("kpn.secret", DESTINATION_SECRET.reveal()), ("plant.login", b"router:" + b"x" * 30)):
        (folder / name).touch(mode=0o600)
        (folder / name).write_bytes(content)


def report(folder: Path, *told: tuple[str, PathSays, float], link: str = "sim") -> None:
    """Store events of so many minutes ago."""
    side = open_operator_side(load_settings(None, {}, {}, folder), {})
    now = datetime.now(UTC)
    detail = {"partner": "kpn", "expects_seconds": "600"}
    side._store.add_path_events(
        [PathEvent("main", link, now - timedelta(minutes=ago), kind, says, detail) for kind, says, ago in told]
    )
    side._store.fold_path_events(fold, 100)
    side.close()


def test_links_are_listed_with_what_they_say(folder: Path) -> None:
    listed = ok(engage(folder, "link", "list"))
    assert [line.split()[:4] for line in listed.splitlines()[1:3]] == [
        ["router", "main", "m2u", "unknown"],
        ["sim", "main", "kpn", "ok"],
    ]
    found = json.loads(ok(engage(folder, "link", "list", "--json")))
    assert [each["path"]["state"] for each in found] == ["unknown", "ok"]
    assert found[1]["expects_seconds"] == 600


def test_the_worst_link_comes_first_and_its_remedy_next(tmp_path: Path) -> None:
    other = make_installation(tmp_path)
    (other / "links.toml").write_text(LINKS)
    write_secrets(other)

    def needs_attention() -> bool:
        (site,) = json.loads(engage(other, "status", "--json").stdout)["sites"]
        return bool(site["needs_attention"])

    assert not needs_attention()
    report(other, ("sim_suspended", PathSays.CUT, 5))
    listed = engage(other, "link", "list")
    assert listed.returncode == 1
    assert [line.split()[0] for line in listed.stdout.splitlines()[1:3]] == ["sim", "router"]
    assert "engage sim set --site main --to ACTIVE" in listed.stdout.splitlines()[-1]
    assert needs_attention()


def test_a_link_that_reported_before_it_was_registered_has_the_partner_of_the_file(tmp_path: Path) -> None:
    other = make_installation(tmp_path)
    (other / "links.toml").write_text(LINKS)
    write_secrets(other)
    report(other, ("m2u_message", PathSays.WORKS, 5), link="router")
    found = json.loads(ok(engage(other, "link", "list", "--json")))
    assert {each["link"]: each["partner"] for each in found}["router"] == "m2u"
    assert "not registered" not in ok(engage(other, "link", "show", "router"))


def test_one_link_is_shown_with_its_events(folder: Path) -> None:
    shown = ok(engage(folder, "link", "show", "sim"))
    assert "sim: path ok" in shown
    assert "every 10 minutes" in shown
    assert "kpn_message" in shown
    assert "proves nothing about a door" in shown.replace("\n", " ")
    events = json.loads(ok(engage(folder, "link", "show", "sim", "--json")))["events"]
    assert [each["kind"] for each in events] == ["kpn_message", "link_registered"]
    gone = engage(folder, "link", "show", "nothing")
    assert gone.returncode == 2
    assert "there is no link 'nothing'" in gone.stderr


def test_events_are_chosen_by_site_link_and_time(folder: Path) -> None:
    def kinds(*options: str) -> list[str]:
        return [each["kind"] for each in json.loads(ok(engage(folder, "link", "events", "--json", *options)))]

    assert kinds() == kinds("--site", "main") == kinds("--link", "sim") == ["kpn_message", "link_registered"]
    assert kinds("--hours", "0.5") == kinds("--limit", "1") == ["kpn_message"]
    assert kinds("--link", "router") == []
    assert "no link reported anything" in ok(engage(folder, "link", "events", "--link", "router"))
    assert engage(folder, "link", "events", "--site", "nowhere").returncode == 2


def test_the_status_of_a_site_names_its_path(folder: Path) -> None:
    shown = engage(folder, "status").stdout
    assert "path: ok since" in shown
    (site,) = json.loads(engage(folder, "status", "--json").stdout)["sites"]
    assert (site["path"]["state"], site["path"]["link"]) == ("ok", "sim")


def test_a_cut_path_is_an_answer_of_no(tmp_path: Path) -> None:
    folder = make_installation(tmp_path)
    assert json.loads(engage(folder, "status", "--json").stdout)["sites"][0]["path"] is None
    assert ok(engage(folder, "link", "list")).startswith("there is no link")
    report(folder, ("sim_suspended", PathSays.CUT, 5))
    assert engage(folder, "link", "list").returncode == 1
    shown = engage(folder, "link", "show", "sim")
    assert shown.returncode == 1
    assert "path cut" in shown.stdout
    assert "path: cut: its SIM is suspended since" in " ".join(engage(folder, "status").stdout.split())


def test_the_check_names_what_is_wrong(folder: Path, tmp_path: Path) -> None:
    good = " ".join(ok(engage(folder, "link", "check")).split())  # where a line breaks depends on the folder's name
    assert "2 links, 0 TLS hosts" in good
    assert "each link leads to a site that exists" in good
    assert "secrets of all partners can be used" in good
    write_secrets(tmp_path)
    other = tmp_path / "other.toml"
    other.write_text(LINKS.replace('site = "main"\npartner = "m2u"', 'site = "nowhere"\npartner = "m2u"'))
    bad = engage(folder, "link", "check", "--json", ENGAGE_LINKS_FILE=str(other))
    assert bad.returncode == 1
    problems = [each for each in json.loads(bad.stdout)["checks"] if each["level"] == "problem"]
    assert [each["sentence"] for each in problems] == ["link router leads to site 'nowhere', which does not exist"]
    other.write_text(LINKS.replace("destination =", "destinations ="))
    wrong = engage(folder, "link", "check", ENGAGE_LINKS_FILE=str(other))
    assert "Did you mean destination?" in " ".join(wrong.stdout.split())
    missing = engage(folder, "link", "check", ENGAGE_LINKS_FILE=str(tmp_path / "none.toml"))
    assert missing.returncode == 1
