"""Where packages, or what only a Unix has, are not there: checks and locks work, all else says what it needs."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.hidden import Finished, modules_beyond, run_without
from tests.support.running import RunningPair

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
NOT_ON_WINDOWS = {"fcntl", "grp", "pwd", "resource", "termios"}
NAMES_NOT_ON_WINDOWS = {
    ("os", "fchmod"),
    ("os", "getegid"),
    ("os", "geteuid"),
    ("os", "getgid"),
    ("os", "getuid"),
    ("os", "O_CLOEXEC"),
    ("os", "O_DIRECTORY"),
    ("os", "fork"),
    ("select", "epoll"),
    ("select", "poll"),
    ("time", "CLOCK_BOOTTIME"),
    ("time", "clock_gettime"),
}
OTHER_HALF: tuple[Sequence[str], ...] = (
    ("init",),
    ("serve",),
    ("site", "list"),
    ("device", "list"),
    ("import", "vendor", "."),
    ("release", "list"),
    ("rotate", "plan"),
    ("status",),
    ("key", "export-release-key", "file"),
    ("host", "list"),
    ("audit", "show"),
    ("lock", "fetch", "http://127.0.0.1"),  # with the key of the installation here
)


@pytest.fixture(params=["packages of requirements-check.lock", "no Unix"])
def hidden(request: pytest.FixtureRequest) -> tuple[set[str], set[tuple[str, str]]]:
    """What is not there: modules, and names."""
    if request.param == "no Unix":
        return NOT_ON_WINDOWS, NAMES_NOT_ON_WINDOWS
    return modules_beyond("requirements-check.lock"), set()


def test_checks_and_locks_work(
    hidden: tuple[set[str], set[tuple[str, str]]], shared_pair: RunningPair, tmp_path: Path
) -> None:
    """Everything of chain, hash and lock, against the pair in processes that have all."""
    shutil.copy(shared_pair.folder / "site.key", tmp_path)
    shutil.copytree(EXAMPLES / "good", tmp_path / "good")
    shutil.copy(EXAMPLES / "bad.pem", tmp_path)
    key = ("--site-key-file", "site.key")
    port = ("--https-port", shared_pair.https_port)
    forms = [("chain", "check", "good", "--format", form) for form in ("json", "junit", "sarif", "github")]
    fine = run_without(
        *hidden,
        tmp_path,
        ("chain", "build", "built", "--host", "a.example.org", "--json"),
        ("chain", "check", "built", "good", "--output", "report.txt"),
        ("chain", "check", f"https://127.0.0.1:{shared_pair.https_port}", "--http-port", shared_pair.http_port, *key),
        *forms,
        ("chain", "show", "built"),
        ("chain", "renew", "renewed", "--from", "built", "--way", "server-renewal", "--host", "a.example.org"),
        ("hash", "built/partner_CA.der", *key),
        ("lock", "fetch", shared_pair.http, *port, *key, "--state", "door.json"),
        ("lock", "fleet", shared_pair.http, *port, *key, "--count", "3", "--over", "0.1"),
        ("lock", "conformance", shared_pair.http, *port, *key),
        ("lock", "misbehave", "--help"),
        ("settings",),
        ("completion", "bash"),
    )
    assert [each.status for each in fine] == [0] * len(fine), [each.out + each.err for each in fine if each.status]
    assert "2 chains for any devices" in (tmp_path / "report.txt").read_text()
    bad, refused = run_without(
        *hidden,
        tmp_path,
        ("chain", "check", "bad.pem"),
        ("lock", "fetch", shared_pair.http, *port, "--site-key-file", "-"),
    )
    assert bad.status == 1
    assert "[san.missing]" in bad.out
    assert refused.status == 2


def told(finished: Finished) -> str:
    """What it said, which is one error and one next step."""
    lines = finished.err.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["error", "next:"], finished.err
    return finished.err


def test_the_other_half_says_what_to_install(tmp_path: Path) -> None:
    finished = run_without(modules_beyond("requirements-check.lock"), (), tmp_path, *OTHER_HALF)
    assert [each.status for each in finished] == [3] * len(OTHER_HALF)
    for each in finished[:-1]:
        assert "which is not installed here" in told(each)
        assert "next: Install all of engage-server: pip install" in told(each)
        assert "The commands chain, completion, hash, lock and settings work here" in told(each)
    assert "next: Give the site key: --site-key-file FILE" in told(finished[-1])
    assert list(tmp_path.iterdir()) == []


def test_a_server_needs_a_unix(tmp_path: Path) -> None:
    finished = run_without(NOT_ON_WINDOWS, NAMES_NOT_ON_WINDOWS, tmp_path, ("serve",), ("init",))
    assert [each.status for each in finished] == [3, 3]
    for each in finished:
        assert "this command needs Linux or another Unix: Python has no" in told(each)
    assert list(tmp_path.iterdir()) == []


def test_a_module_of_ours_that_is_missing_is_a_defect(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"No module named 'engage_server\.checks'"):
        run_without({"engage_server.checks"}, (), tmp_path, ("chain", "check", "."))
