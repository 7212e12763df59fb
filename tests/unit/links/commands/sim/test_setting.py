"""``engage sim set``, ``bulk``, ``tag`` and ``services``: questions, dry runs, and what is recorded."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CompletedProcess

import click
import pytest

from engage_server.errors import Conflict
from engage_server.links.commands.sim.bulks import bulking, watching
from engage_server.links.sim.account import Values
from engage_server.links.sim.operations import Operation
from engage_server.links.sim.plans.journal import BulkHead, begin_bulk, bulks
from engage_server.links.sim.plans.outcomes import Counts, Outcome
from engage_server.links.sim.plans.taking_up import alone
from engage_server.links.sim.plans.writes import StateWrite
from engage_server.links.sim.polling.host_turns import HostTurns
from engage_server.links.sim.polling.memory import AccountMemory, LinkMemory, from_text, to_text
from engage_server.links.sim.polling.said_elsewhere import NoJournal
from engage_server.links.sim.things import Thing, ThingState
from tests.support.commands import engage, ok
from tests.support.sim.memory import MemoryAccount, iccid, silent, sims

BEGUN_AT = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_bulks(sim_folder: Path) -> Iterator[None]:
    yield
    for file in bulks(sim_folder / "data" / "links" / "sim" / "bulk"):
        file.unlink()


def put(folder: Path, *arguments: str, stdin: bytes | None = None) -> CompletedProcess[str]:
    return engage(folder, "sim", "set", *arguments, stdin=stdin)


def log(folder: Path) -> list[dict[str, object]]:
    """The audit log, newest first."""
    found: list[dict[str, object]] = json.loads(ok(engage(folder, "audit", "show", "--json")))
    return found[::-1]


def entries(folder: Path) -> list[dict[str, object]]:
    """What was ordered, newest first. What came of it is left out."""
    return [each for each in log(folder) if each["action"] != "sim:order-ended"]


def outcome(folder: Path) -> object:
    """What the audit log says came of the newest order."""
    newest = log(folder)[0]
    assert newest["action"] == "sim:order-ended"
    facts = newest["facts"]
    assert isinstance(facts, dict)
    return facts["outcome"]


def path_of_site(folder: Path) -> dict[str, object]:
    found = json.loads(engage(folder, "link", "list", "--json").stdout)
    (link,) = [each for each in found if each["link"] == "depot-sim"]
    path: dict[str, object] = link["path"]
    return path


def test_the_state_of_a_site_is_set_and_its_path_is_known_at_once(sim_folder: Path, account: MemoryAccount) -> None:
    done = ok(put(sim_folder, "--site", "main", "--to", "SUSPENDED", "--yes", "--reason", "winter"))
    assert "1 of 1 SIM done" in done
    assert account.by_name[iccid(1)].state is ThingState.SUSPENDED
    assert account.written() == {iccid(1): 1}
    path = path_of_site(sim_folder)
    assert (path["state"], path["said_by"]) == ("cut", "sim_suspended")
    assert "sim_suspended" in ok(engage(sim_folder, "link", "events", "--site", "main"))
    newest = entries(sim_folder)[0]
    assert (newest["action"], newest["site"], newest["reason"]) == ("sim:state-ordered", "main", "winter")
    facts = newest["facts"]
    assert isinstance(facts, dict)
    assert (facts["account"], facts["thing"], facts["state"]) == ("jpu", iccid(1), "SUSPENDED")
    assert outcome(sim_folder) == "1 of 1 done"
    ok(put(sim_folder, "--site", "main", "--to", "ACTIVE", "--yes"))
    assert "sim_active" in ok(engage(sim_folder, "link", "events", "--site", "main"))


def test_a_dry_run_changes_and_records_nothing(sim_folder: Path, account: MemoryAccount) -> None:
    before = len(entries(sim_folder))
    done = ok(put(sim_folder, "--tag", "depot", "--to", "SUSPENDED", "--dry-run"))
    assert "ACTIVE -> SUSPENDED" in done
    found = json.loads(ok(put(sim_folder, "--tag", "depot", "--to", "SUSPENDED", "--dry-run", "--json")))
    assert len(found["moves"]) == 3
    assert account.writes == []
    assert len(entries(sim_folder)) == before


def test_without_yes_it_asks_after_the_plan(sim_folder: Path, account: MemoryAccount) -> None:
    done = put(sim_folder, "--tag", "depot", "--to", "SUSPENDED")
    assert done.returncode == 1
    assert "--yes" in done.stderr
    assert "ACTIVE -> SUSPENDED" in done.stdout, "what is asked about was shown"
    done = put(sim_folder, "--tag", "depot", "--to", "SUSPENDED", stdin=b"n\n")
    assert done.returncode == 130
    assert account.writes == []
    ok(put(sim_folder, "--tag", "depot", "--to", "SUSPENDED", stdin=b"y\n"))
    assert len(account.writes) == 3


def test_retired_is_typed_and_yes_does_not_answer(sim_folder: Path, account: MemoryAccount) -> None:
    done = put(sim_folder, iccid(2), "--to", "RETIRED", "--yes")
    assert done.returncode == 2
    assert "--permanently" in done.stderr
    for stdin in (b"", b"yes\n", f"{iccid(3)}\n".encode()):
        done = put(sim_folder, iccid(2), "--to", "RETIRED", "--permanently", "--yes", stdin=stdin)
        assert done.returncode != 0, stdin
        assert "with --yes" not in done.stderr
    assert "--permanently" in put(sim_folder, iccid(2), iccid(3), "--to", "RETIRED", "--permanently", "--yes").stderr
    assert account.writes == []
    ok(put(sim_folder, iccid(2), "--to", "RETIRED", "--permanently", stdin=f"{iccid(2)}\n".encode()))
    assert account.by_name[iccid(2)].state is ThingState.RETIRED
    assert entries(sim_folder)[0]["action"] == "sim:retirement-ordered"
    done = put(sim_folder, iccid(1), iccid(3), "--to", "RETIRED", "--permanently", stdin=b"retire 2\n")
    assert done.returncode == 0, done.stderr
    assert put(sim_folder, iccid(1), "--to", "ACTIVE", "--permanently").returncode == 2
    left = put(sim_folder, iccid(1), "--to", "ACTIVE", "--yes")
    assert left.returncode == 1
    assert "RETIRED is final" in left.stdout
    assert account.by_name[iccid(1)].state is ThingState.RETIRED


def test_what_is_so_already_is_not_written(sim_folder: Path, account: MemoryAccount) -> None:
    before = len(entries(sim_folder))
    assert "already" in ok(put(sim_folder, "--site", "main", "--to", "ACTIVE", "--yes"))
    account.by_name[iccid(2)] = replace(sims(2)[1], state=ThingState.SUSPENDED)
    assert len(entries(sim_folder)) == before
    ok(put(sim_folder, "--tag", "depot", "--to", "ACTIVE", "--yes"))
    assert account.written() == {iccid(2): 1}


def test_what_did_not_work_is_listed_in_text_and_json_and_ends_with_1(sim_folder: Path, account: MemoryAccount) -> None:
    def refuse(operation: Operation, values: Values) -> None:
        if values["thing"] == iccid(2):
            raise Conflict("412: not in this\nstate", "Ask the operator.", code="sim.precondition")

    account.before = refuse
    done = put(sim_folder, "--tag", "depot", "--to", "SUSPENDED", "--yes", "--failures", "failed.txt")
    assert done.returncode == 1
    assert outcome(sim_folder) == "2 of 3 done, 1 without success"
    assert "2 of 3 SIMs done" in done.stdout
    assert f"refused  {iccid(2)}" in done.stdout
    (line,) = (sim_folder / "failed.txt").read_text().splitlines()
    assert line.startswith(f"{iccid(2)}\tfailed\t")
    arguments = ("--tag", "depot", "--to", "SUSPENDED", "--yes", "--failures", "failed.json", "--json")
    done = put(sim_folder, *arguments)
    assert done.returncode == 1
    assert json.loads(done.stdout)["failures"] == json.loads((sim_folder / "failed.json").read_text())
    assert json.loads(done.stdout)["failures"][0]["code"] == "sim.precondition"


def test_a_success_whose_answer_says_another_state_is_none(sim_folder: Path, account: MemoryAccount) -> None:
    """The operator answers 200, and its body says that the SIM is RETIRED."""
    ok(put(sim_folder, "--site", "main", "--to", "SUSPENDED", "--yes"))  # the path has another state than RETIRED
    account.describe = lambda operation, values: replace(sims(1)[0], state=ThingState.RETIRED, word="RETIRED")
    done = put(sim_folder, "--site", "main", "--to", "ACTIVE", "--yes")
    assert done.returncode == 1
    assert f"otherwise  {iccid(1)}" in done.stdout
    assert "it is RETIRED, not ACTIVE" in " ".join(done.stdout.split())
    assert path_of_site(sim_folder)["said_by"] == "sim_retired", "recorded as what it is"
    assert outcome(sim_folder) == "0 of 1 done, 1 without success"
    found = json.loads(put(sim_folder, iccid(2), "--to", "SUSPENDED", "--yes", "--json").stdout)
    assert [each["code"] for each in found["failures"]] == ["sim.otherwise"]
    account.describe = lambda operation, values: replace(account.by_name[iccid(3)])
    ok(put(sim_folder, iccid(3), "--to", "SUSPENDED", "--yes"))  # the control: it says what was asked


def test_a_state_in_progress_is_left_and_never_sent_again(sim_folder: Path, account: MemoryAccount) -> None:
    account.describe = lambda operation, values: Thing(str(values["thing"]), None, "PENDING")

    def stays(operation: Operation, values: Values) -> None:
        account.by_name[str(values["thing"])] = replace(sims(1)[0], state=None, word="PENDING")

    account.after = stays
    done = put(sim_folder, "--site", "main", "--to", "SUSPENDED", "--yes")
    assert done.returncode == 3
    assert "'PENDING'" in done.stdout
    assert "sim bulk resume" in done.stderr
    assert outcome(sim_folder) == "0 of 1 done, 1 not known"
    assert len(account.writes) == 1
    assert engage(sim_folder, "sim", "bulk", "resume", "--yes").returncode == 3
    account.by_name[iccid(1)] = replace(sims(1)[0], state=ThingState.SUSPENDED)
    ok(engage(sim_folder, "sim", "bulk", "resume", "--yes"))
    assert len(account.writes) == 1


def test_tags_and_services_that_the_answer_contradicts_are_listed(sim_folder: Path, account: MemoryAccount) -> None:
    account.describe = lambda operation, values: replace(sims(1)[0], tags=("depot",), services=("data", "sms"))
    for words, why in (
        (("tag", "add", "winter"), "its tags are depot"),
        (("services", "--only", "data"), "its services are data, sms"),
    ):
        done = engage(sim_folder, "sim", *words, *(["--site", "main"]), "--yes")
        assert done.returncode == 1
        assert why in " ".join(done.stdout.split())


def test_nothing_is_sent_if_the_audit_log_cannot_be_written(
    sim_folder: Path, account: MemoryAccount, tmp_path: Path
) -> None:
    (tmp_path / "engage.toml").touch()
    (tmp_path / "links.toml").write_text((sim_folder / "links.toml").read_text())
    done = put(tmp_path, "--site", "main", "--to", "SUSPENDED", "--yes")
    assert done.returncode == 3
    assert account.writes == []
    assert bulks(tmp_path / "data" / "links" / "sim" / "bulk") == []


def begun(folder: Path, account: MemoryAccount, *, seconds_ago: float = 3600) -> str:
    """A bulk of three SIMs whose process was killed: one is done, one was done and nobody wrote it down."""
    below = folder / "data" / "links" / "sim" / "bulk"
    below.mkdir(parents=True, exist_ok=True)
    write = StateWrite(ThingState.SUSPENDED)
    head = BulkHead("20270102T030405-a1b2c3", "jpu", write, tuple(account.by_name), BEGUN_AT, "anna", "winter")
    with begin_bulk(below, head) as journal:
        for number in (1, 2):
            journal.write(iccid(number), Outcome.BEGUN)
            write.send(account, account.by_name[iccid(number)])
            if number == 1:
                journal.write(iccid(1), Outcome.DONE)
    (file,) = bulks(below)
    then = file.stat().st_mtime - seconds_ago
    os.utime(file, (then, then))
    return head.bulk


def test_a_bulk_that_was_interrupted_is_taken_up_and_nothing_is_done_twice(
    sim_folder: Path, account: MemoryAccount
) -> None:
    bulk = begun(sim_folder, account)
    listed = ok(engage(sim_folder, "sim", "bulk", "list"))
    assert "interrupted" in listed
    assert f"sim bulk resume {bulk}" in listed
    assert "3 of 3 SIMs done" in ok(engage(sim_folder, "sim", "bulk", "resume", "--yes", "--reason", "again"))
    assert account.written() == {iccid(number): 1 for number in (1, 2, 3)}
    assert (entries(sim_folder)[0]["action"], entries(sim_folder)[0]["reason"]) == ("sim:bulk-resumed", "again")
    found = json.loads(ok(engage(sim_folder, "sim", "bulk", "list", "--json")))
    assert found[0]["over"] is True
    over = engage(sim_folder, "sim", "bulk", "resume", bulk)
    assert over.returncode == 2
    assert "is over" in over.stderr
    assert put(sim_folder, "--resume").returncode == 2


def test_a_resumed_bulk_shows_what_is_left_and_asks(sim_folder: Path, account: MemoryAccount) -> None:
    bulk = begun(sim_folder, account)
    account.writes.clear()
    before = len(log(sim_folder))
    for words in (("bulk", "resume"), ("set", "--resume")):
        done = engage(sim_folder, "sim", *words)
        assert done.returncode == 1
        assert "--yes" in done.stderr
        assert f"bulk {bulk}, which anna began 2027-01-02 03:04 UTC: set to SUSPENDED" in done.stdout
        assert f"{iccid(3)}: ACTIVE -> SUSPENDED" in done.stdout
        assert f"{iccid(2)}: ACTIVE" not in done.stdout, "it is as it is to be"
    assert engage(sim_folder, "sim", "bulk", "resume", stdin=b"n\n").returncode == 130
    assert account.writes == []
    assert len(log(sim_folder)) == before
    ok(engage(sim_folder, "sim", "bulk", "resume", stdin=b"y\n"))
    assert account.written() == {iccid(3): 1}


def test_a_bulk_whose_process_just_died_is_waited_for_before_anything_is_read(
    sim_folder: Path, account: MemoryAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write may still be on its way. It is done while the command waits, so it must not be sent again."""
    begun(sim_folder, account, seconds_ago=20)
    account.by_name[iccid(2)] = replace(account.by_name[iccid(2)], state=ThingState.ACTIVE)  # not done yet
    account.writes.clear()
    slept: list[float] = []

    def pause(seconds: float) -> None:
        slept.append(seconds)
        account.by_name[iccid(2)] = replace(account.by_name[iccid(2)], state=ThingState.SUSPENDED)

    monkeypatch.setattr(bulking, "sleep", pause)
    done = engage(sim_folder, "sim", "bulk", "resume", "--yes")
    assert done.returncode == 0, done.stderr
    assert slept == [pytest.approx(40, abs=5)]
    assert "waiting" in done.stderr
    assert account.written() == {iccid(3): 1}, "what was done meanwhile is not done twice"


def test_nothing_is_asked_if_nothing_will_be_written(sim_folder: Path, account: MemoryAccount) -> None:
    begun(sim_folder, account)
    account.by_name[iccid(3)] = replace(account.by_name[iccid(3)], state=ThingState.SUSPENDED)
    account.writes.clear()
    assert "3 of 3 SIMs done" in ok(engage(sim_folder, "sim", "bulk", "resume"))
    assert account.writes == []


def test_set_resume_is_the_same(sim_folder: Path, account: MemoryAccount) -> None:
    begun(sim_folder, account)
    assert put(sim_folder, "--resume", "--to", "ACTIVE").returncode == 2
    assert put(sim_folder, "--resume", "--account", "other").returncode == 2
    done = json.loads(ok(put(sim_folder, "--resume", "--yes", "--json")))
    assert done["counts"] == {"total": 3, "done": 3, "failed": 0, "unknown": 0, "left": 0}
    assert account.written() == {iccid(number): 1 for number in (1, 2, 3)}


def test_a_bulk_is_dropped_and_what_was_done_stays(sim_folder: Path, account: MemoryAccount) -> None:
    bulk = begun(sim_folder, account)
    assert engage(sim_folder, "sim", "bulk", "drop", bulk).returncode == 1, "it asks"
    ok(engage(sim_folder, "sim", "bulk", "drop", bulk, "--yes"))
    assert entries(sim_folder)[0]["action"] == "sim:bulk-dropped"
    assert engage(sim_folder, "sim", "bulk", "resume", "--yes").returncode == 2
    assert account.by_name[iccid(3)].state is ThingState.ACTIVE
    assert "over" in ok(engage(sim_folder, "sim", "bulk", "show", bulk))


def test_an_operator_that_went_away_leaves_a_bulk_to_resume(sim_folder: Path, account: MemoryAccount) -> None:
    def lose(operation: Operation, values: Values) -> None:
        account.away = silent()
        raise silent()

    account.after = lose
    done = put(sim_folder, "--tag", "depot", "--to", "SUSPENDED", "--yes", "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["counts"]["unknown"] == 3
    assert "sim bulk resume" in done.stderr
    account.away, account.after = None, lambda operation, values: None
    ok(engage(sim_folder, "sim", "bulk", "resume", "--yes"))
    assert account.written() == {iccid(1): 1, iccid(2): 1, iccid(3): 1}


def test_tags_and_services_are_changed_in_bulk(sim_folder: Path, account: MemoryAccount) -> None:
    assert "would be changed" in ok(engage(sim_folder, "sim", "tag", "add", "winter", "--group", "locks", "--dry-run"))
    assert account.writes == []
    ok(engage(sim_folder, "sim", "tag", "add", "winter", "--group", "locks", "--yes"))
    assert {each.tags for each in account.by_name.values()} == {("depot", "winter")}
    assert entries(sim_folder)[0]["action"] == "sim:change-ordered"
    ok(engage(sim_folder, "sim", "tag", "remove", "depot", iccid(1), "--yes"))
    assert account.by_name[iccid(1)].tags == ("winter",)
    assert "nothing to do" in ok(engage(sim_folder, "sim", "tag", "remove", "depot", iccid(1), "--yes"))
    ok(engage(sim_folder, "sim", "services", "--site", "main", "--only", "data", "--yes"))
    assert account.by_name[iccid(1)].services == ("data",)
    assert engage(sim_folder, "sim", "tag", "add", "a\nb", iccid(1), "--yes").returncode == 2


def test_ctrl_c_says_how_to_go_on(sim_folder: Path, account: MemoryAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    account.by_name = {each.thing: each for each in sims(200)}
    tell, stopped = watching.Watch.tell, list[bool]()

    def stop(self: watching.Watch, counts: Counts, changed: Sequence[Thing]) -> None:
        tell(self, counts, changed)
        if counts.left and not stopped:
            stopped.append(True)
            raise KeyboardInterrupt

    monkeypatch.setattr(watching.Watch, "tell", stop)
    done = put(sim_folder, "--tag", "depot", "--to", "SUSPENDED", "--yes", "--per-minute", "600")
    assert done.returncode == 130
    assert "sim bulk resume 2" in done.stderr
    assert "of 200 are left" in done.stderr
    assert path_of_site(sim_folder)["state"] == "cut", "what was done until then is known"
    monkeypatch.setattr(watching.Watch, "tell", tell)
    assert "200 of 200 SIMs done" in ok(engage(sim_folder, "sim", "bulk", "resume", "--yes", "--per-minute", "1000000"))
    assert set(account.written().values()) == {1}


def test_a_long_bulk_shows_how_far_it_is_on_a_terminal(
    sim_folder: Path, account: MemoryAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []

    class Bar:
        def update(self, steps: int) -> None:
            drawn.append(steps)

        def render_finish(self) -> None:
            drawn.append(0)

    monkeypatch.setattr(click, "progressbar", lambda **settings: Bar())
    monkeypatch.setattr(watching, "is_watched", lambda: True)
    ok(put(sim_folder, "--tag", "depot", "--to", "SUSPENDED", "--yes"))
    assert drawn == [], "it was over at once"
    monkeypatch.setattr(watching, "SHOWN_AFTER", 0.0)
    ok(put(sim_folder, "--tag", "depot", "--to", "ACTIVE", "--yes"))
    assert sum(drawn) == 3
    assert drawn[-1] == 0, "the line is ended"


def test_the_poll_knows_what_a_command_said(sim_folder: Path, account: MemoryAccount) -> None:
    links = sim_folder / "data" / "links"
    turns = HostTurns(links, NoJournal())
    turn = turns.take("jpu", turns.look("jpu"))
    assert turn is not None
    turn.end(to_text(AccountMemory(links={"depot-sim": LinkMemory("sim_active", "restored")})), ())
    done = put(sim_folder, "--site", "main", "--to", "SUSPENDED", "--yes")
    assert "warning" not in done.stderr
    assert from_text(turns.look("jpu").memory).links["depot-sim"] == LinkMemory("", "cut")


def test_two_bulks_at_once_are_refused_and_an_interrupted_one_is_named(
    sim_folder: Path, account: MemoryAccount
) -> None:
    bulk = begun(sim_folder, account)
    account.writes.clear()
    before = len(entries(sim_folder))
    with alone(sim_folder / "data" / "links" / "sim" / "bulk"):
        for arguments in (("set", iccid(3), "--to", "SUSPENDED", "--yes"), ("bulk", "resume", "--yes")):
            done = engage(sim_folder, "sim", *arguments)
            assert done.returncode == 3
            assert "another process on this host" in done.stderr
    assert account.writes == []
    assert len(entries(sim_folder)) == before, "nothing was ordered"
    done = put(sim_folder, iccid(3), "--to", "SUSPENDED", "--yes")
    assert f"bulk {bulk} was interrupted" in done.stderr
    ok(engage(sim_folder, "sim", "bulk", "resume", "--yes"))
    assert "interrupted" not in put(sim_folder, iccid(3), "--to", "ACTIVE", "--yes").stderr


def test_a_shell_completes_accounts_bulks_and_states(sim_folder: Path, account: MemoryAccount) -> None:
    bulk = begun(sim_folder, account)
    for words, number, expected in (
        ("engage sim set --account j", 4, "jpu"),
        ("engage sim bulk resume 2", 4, bulk),
        ("engage sim set --to sus", 4, "suspended"),  # a state may be written in small letters, too
    ):
        done = engage(sim_folder, _ENGAGE_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(number))
        assert expected in done.stdout, words


def test_a_sim_that_is_left_as_it_is_stands_among_what_did_not_work(sim_folder: Path, account: MemoryAccount) -> None:
    account.by_name[iccid(2)] = replace(sims(2)[1], state=ThingState.RETIRED)
    done = put(sim_folder, "--tag", "depot", "--to", "SUSPENDED", "--yes", "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["counts"]["done"] == 2
    assert [(each["thing"], each["code"]) for each in found["failures"]] == [(iccid(2), "sim.final")]
    assert account.by_name[iccid(2)].state is ThingState.RETIRED
