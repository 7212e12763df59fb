"""``engage serve links`` polls an operator of SIMs on a real socket; what changes comes into the spool or database."""

import json
import re
import signal
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engage_server.composition.links.store import role_sql
from engage_server.composition.operator_side import open_operator_side
from engage_server.links.sim.polling.host_turns import folder_of
from engage_server.links.sim.polling.memory import from_text, to_text
from engage_server.settings import load_settings
from tests.support.commands import engage
from tests.support.databases import migrated_postgresql
from tests.support.ingress import RunningIngress, running_ingress
from tests.support.installation import make_installation
from tests.support.postgresql import PostgresServer
from tests.support.running import eventually, ok
from tests.support.sim.accounts import CLIENT_SECRET
from tests.support.sim.stateful import StatefulOperator, sim_tables

ICCID = "8931440000000000001"


def age_memory(folder: Path) -> None:
    """Let the last round be an hour old: then the next one is due."""
    file = folder_of(folder / "data" / "links", "jpu") / "memory.json"
    file.write_text(aged(file.read_text()))


def aged(text: str) -> str:
    """What is remembered of a round that came an hour earlier."""
    memory = from_text(text)
    assert memory.ended_at is not None
    return to_text(replace(memory, ended_at=memory.ended_at - timedelta(hours=1)))


def kinds(ingress: RunningIngress) -> list[str]:
    return [json.loads(line)["kind"] for line in ingress.events.splitlines()]


def threads_that_take(received: signal.Signals, ingress: RunningIngress) -> list[str]:
    """The threads of the process that polls to which the kernel may give a signal, beside the one that waits for it."""
    pid = next(each for each in ingress.descendants() if b"poll_process" in Path(f"/proc/{each}/cmdline").read_bytes())
    statuses = [(each / "status").read_text() for each in Path(f"/proc/{pid}/task").iterdir() if each.name != str(pid)]
    assert len(statuses) > 1
    blocked = [int(re.search(r"SigBlk:\s+(\w+)", status)[1], 16) for status in statuses]  # type: ignore[index]
    return [status for status, mask in zip(statuses, blocked, strict=True) if not mask >> (received - 1) & 1]


def next_round(ingress: RunningIngress) -> None:
    """Let a round come now."""
    age_memory(ingress.folder)
    ingress.hang_up()


def test_a_suspended_sim_is_an_event_and_the_poll_ends_at_once(tmp_path: Path) -> None:
    """Without any host in links.toml, and without the secrets of operators."""
    with StatefulOperator() as operator:
        operator.set(ICCID, imei="356938035643809")
        tables = sim_tables(tmp_path, operator.url, ICCID, more="wait_seconds = 60")
        owners = {"ENGAGE_KEY_ENCRYPTION_KEY": "x" * 44, "ENGAGE_RELEASE_KEY": "y" * 44}
        tables = tables.replace("timeout_seconds = 5", "timeout_seconds = 60")
        with running_ingress(tmp_path, tables, **owners) as ingress:
            assert "polls account jpu every 1 minutes" in ingress.log
            # two processes write, each into its own file: their order is not known
            eventually(lambda: sorted(kinds(ingress)) == ["link_registered", "sim_reachable"], "the first round")
            for process in (ingress.process.pid, *ingress.descendants()):
                assert b"KEY_ENCRYPTION" not in Path(f"/proc/{process}/environ").read_bytes()
            assert [threads_that_take(each, ingress) for each in (signal.SIGHUP, signal.SIGTERM)] == [[], []]
            assert threads_that_take(signal.SIGSEGV, ingress), "the control"
            operator.set(ICCID, state="SUSPENDED", imei="352099001761481")
            next_round(ingress)
            eventually(lambda: {"sim_moved", "sim_suspended"} <= {*kinds(ingress)}, "the second round")
            operator.hanging.clear()
            asked = len(operator.asked)
            operator.set(ICCID, state="ACTIVE")
            next_round(ingress)
            eventually(lambda: ingress.log.count("links reloaded") == 2, "the third round")
            begun = time.monotonic()
            assert ingress.stop() == 0
            assert time.monotonic() - begun < 15, "nobody waits for the operator, who may take a minute"
            operator.hanging.set()
            assert len(operator.asked) <= asked + 1
        shown = Path(tmp_path / f"links-{ingress.port}.log").read_text()
        assert CLIENT_SECRET not in shown + ingress.events
        assert "Traceback" not in shown


@pytest.mark.campaign("tests/unit/links/sim/polling/test_poller.py")
def test_trouble_of_the_operator_is_one_line_and_a_wrong_file_changes_nothing(tmp_path: Path) -> None:
    with StatefulOperator() as operator:
        operator.set(ICCID)
        operator.status, operator.fields = 429, {"Retry-After": "1"}
        tables = sim_tables(tmp_path, operator.url, ICCID)
        with running_ingress(tmp_path, tables) as ingress:
            eventually(lambda: "does not answer for all SIMs" in ingress.log, "told")
            next_round(ingress)
            eventually(lambda: ingress.log.count("links reloaded") == 1, "reloaded")
            eventually(lambda: from_text(memory(tmp_path)).rounds == 2, "the second round")
            assert ingress.log.count("does not answer for all SIMs") == 1
            (tmp_path / "links.toml").write_text(tables.replace("things =", "thinks ="))
            ingress.hang_up()
            eventually(lambda: "the old ones stay in force" in ingress.log, "refused")
            (tmp_path / "links.toml").write_text(tables)
            operator.status = 200
            next_round(ingress)
            eventually(lambda: "sim_reachable" in kinds(ingress), "the third round")
            eventually(lambda: "answers for all SIMs again" in ingress.log, "told again")


def memory(folder: Path) -> str:
    file = folder_of(folder / "data" / "links", "jpu") / "memory.json"
    return file.read_text() if file.exists() else ""


@pytest.mark.long("tests/unit/links/sim/polling/test_database_turns.py")
def test_two_hosts_with_postgresql_ask_once_and_events_go_in_by_the_role(
    tmp_path: Path, postgresql: PostgresServer
) -> None:
    url = migrated_postgresql(postgresql)
    name, role = postgresql.name_of(url), f"poll_{tmp_path.name.rpartition('_')[2]}"
    postgresql.ask("\n".join(role_sql(role)), name)
    as_role = url.replace("postgresql://engage@", f"postgresql://{role}@")
    with StatefulOperator() as operator:
        operator.set(ICCID)
        hosts = [tmp_path / "one", tmp_path / "two"]
        for host in hosts:
            host.mkdir()
        tables = [sim_tables(host, operator.url, ICCID) for host in hosts]
        environment = {"ENGAGE_LINKS_DATABASE_URL": as_role}
        with (
            running_ingress(hosts[0], tables[0], **environment) as first,
            running_ingress(hosts[1], tables[1], **environment) as second,
        ):
            eventually(lambda: "sim_reachable" in postgresql.ask("SELECT kind FROM path_events", name), "stored")
            time.sleep(2)
            assert operator.asked == [f"/things/{ICCID}", f"/things/{ICCID}/reachability"]
            first.process.kill()  # its host dies
            first.process.wait()
            operator.set(ICCID, state="SUSPENDED")
            remembered = aged(postgresql.ask("SELECT memory FROM sim_polls", name).strip())
            postgresql.ask("UPDATE sim_polls SET memory = $$" + remembered + "$$", name)  # noqa: S608  # our own JSON
            second.hang_up()
            eventually(lambda: "sim_suspended" in postgresql.ask("SELECT kind FROM path_events", name), "taken over")
            assert first.events + second.events == "", "no spool"


@pytest.mark.campaign("tests/unit/links/commands/test_poll_standings.py")
def test_an_account_shows_how_its_last_round_went(tmp_path: Path) -> None:
    """Commands of operators, where one host stores everything."""
    folder = make_installation(tmp_path)
    with StatefulOperator() as operator:
        operator.set(ICCID)
        tables = sim_tables(folder, operator.url, ICCID)
        (folder / "links.toml").write_text(tables)
        assert "was never asked" in " ".join(ok(engage(folder, "link", "check")).split())
        with running_ingress(folder, tables) as ingress:
            eventually(lambda: "sim_reachable" in kinds(ingress), "the first round")
        side = open_operator_side(load_settings(None, {}, {}, folder), {})
        side.path_event_transfer.run(datetime.now(UTC))
        side.close()
    listed = json.loads(ok(engage(folder, "link", "list", "--json")))
    assert listed[0]["path"]["state"] == "ok"
    assert listed[0]["account"]["name"] == "jpu"
    assert listed[0]["account"]["trouble"] is None
    assert "account jpu answered at" in ok(engage(folder, "link", "show", "depot-sim"))
