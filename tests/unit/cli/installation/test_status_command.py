"""``engage status --site``: one of several sites, in the shape of all."""

import json
from pathlib import Path

from engage_server.protocol.site_key import write_site_key
from tests.support.chains import OTHER_SITE_KEY
from tests.support.commands import engage, ok


def test_one_site_alone_has_the_shape_of_all(installation: Path) -> None:
    key = write_site_key(OTHER_SITE_KEY)
    named = ("--host", "north.example.org", "--site-key-file", "-")
    ok(engage(installation, "site", "add", "north", *named, stdin=key))
    every = json.loads(engage(installation, "status", "--json").stdout)
    only = json.loads(engage(installation, "status", "--site", "north", "--json").stdout)
    assert [site["site"] for site in every["sites"]] == ["main", "north"]
    assert [site["site"] for site in only["sites"]] == ["north"]
    assert set(only) == set(every)
    shown = engage(installation, "status", "--site", "main").stdout
    assert "main" in shown
    assert "north" not in shown


def test_a_site_that_does_not_exist_is_refused_by_name(installation: Path) -> None:
    done = engage(installation, "status", "--site", "gone")
    assert done.returncode != 0
    assert "gone" in done.stderr
