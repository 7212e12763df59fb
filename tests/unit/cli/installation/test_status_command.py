"""``engage status --site``: one of several sites, in the shape of all."""

import json
from pathlib import Path

from tests.support.commands import engage, ok


def test_one_site_alone_has_the_shape_of_all(installation: Path) -> None:
    (installation / "north.key").write_text(OTHER_SITE_KEY.encode())
    ok(engage(installation, "site", "add", "north", "--host", "north.example.org", "--site-key-file", "north.key"))
    every = json.loads(engage(installation, "status", "--json").stdout)
    only = json.loads(engage(installation, "status", "--site", "north", "--json").stdout)
    assert [site["name"] for site in every["sites"]] == ["main", "north"]
    assert [site["name"] for site in only["sites"]] == ["north"]
    assert set(only) == set(every)
    shown = engage(installation, "status", "--site", "main").stdout
    assert "main" in shown
    assert "north" not in shown


def test_a_site_that_does_not_exist_is_refused_by_name(installation: Path) -> None:
    done = engage(installation, "status", "--site", "gone")
    assert done.returncode != 0
    assert "gone" in done.stderr
