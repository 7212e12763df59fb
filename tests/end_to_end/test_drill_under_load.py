"""A backup is made and drilled against the live host while devices come all the time: nobody notices a thing."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.chains import SITE_KEY
from tests.support.installation import make_installation
from tests.support.lengths import examples
from tests.support.load import Visitors
from tests.support.postgresql import PostgresServer
from tests.support.running import engage, ok, running_pair

CONNECTIONS_PER_SECOND = 200
DRILLS = examples(all=1, quick=1, campaign=20)


@pytest.fixture(params=["sqlite", "postgresql"])
def environment(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """With the URL of a PostgreSQL database, or without one."""
    if request.param == "sqlite":
        yield {}
        return
    server: PostgresServer = request.getfixturevalue("postgresql")
    url = server.new_database()
    yield {"ENGAGE_DATABASE_URL": url}
    server.done_with(url)


@pytest.mark.long("test_backups.py, without load")
def test_nobody_notices_and_nothing_differs(tmp_path: Path, environment: dict[str, Any], record_property: Any) -> None:
    folder = make_installation(tmp_path, **environment)
    with running_pair(folder, "--workers", "1", **environment) as pair:
        ports = {"ENGAGE_HTTP_PORT": str(pair.http_port)} | environment
        against = ("--against", pair.http, "--https-port", str(pair.https_port))
        with Visitors(pair, SITE_KEY.reveal(), CONNECTIONS_PER_SECOND) as visitors:
            time.sleep(1)
            for number in range(DRILLS):
                ok(engage(folder, "backup", "create", f"{number}.tar.gz", **ports))
                shown = ok(engage(folder, "backup", "verify", f"{number}.tar.gz", *against, "--json", **ports))
                report = json.loads(shown)
                assert (report["good"], report["same_as_live"]) == (True, ["main"]), report
    assert visitors.failures == {}
    assert len({visit.anchor for visit in visitors.visits}) == 1
    assert len(visitors.visits) > 10, "the control: they came"
    record_property("connections_per_second", visitors.connections / visitors.seconds)
