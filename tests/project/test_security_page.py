"""What docs/security.md promises is held by tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()


def promises() -> list[tuple[str, list[str]]]:
    """Each row that promises something, with the tests that it names."""
    found = []
    for section in PAGE.split("\n## ")[1:]:
        if "| promise | test |" in section:
            for row in re.findall(r"^\| (?!promise |---)(.+) \| ([^|]*) \|$", section, re.MULTILINE):
                found.append((row[0], re.findall(r"`([^`]+)`", row[1])))
    return found


@pytest.mark.parametrize(("promise", "tests"), promises(), ids=lambda each: each[:40] if isinstance(each, str) else "")
def test_every_promise_has_a_test_that_exists(promise: str, tests: list[str]) -> None:
    assert tests, promise
    for name in tests:
        assert (ROOT / name).is_file(), name
        assert re.match(r"tests/[a-z0-9_/]+/test_\w+\.py$", name), name


def test_every_attacker_is_named_and_answered() -> None:
    assert len(promises()) > 20
    names = re.findall(r"^\| \*\*(.+?)\*\* \|", PAGE, re.MULTILINE)
    sections = re.findall(r"^## Against (.+)$", PAGE, re.MULTILINE)
    assert len(names) == len(sections) == 11
    for name in names:
        word = name.split()[-1].removesuffix("r").removesuffix("s")
        assert any(word in section for section in sections), name


def test_pages_lead_to_it() -> None:
    readme, report = (ROOT / "README.md").read_text(), (ROOT / "SECURITY.md").read_text()
    assert "(docs/security.md)" in readme
    assert "(SECURITY.md)" in readme
    assert "(docs/security.md)" in report
    assert "(../SECURITY.md)" in PAGE


@pytest.mark.parametrize(
    "page", ["SECURITY.md", "docs/security.md", "deploy/systemd/README.md", "deploy/container/README.md"]
)
def test_its_links_lead_somewhere(page: str) -> None:
    path = ROOT / page
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
        assert (path.parent / target).exists(), target
    assert "@" not in re.sub(r"@(sha256|COMMIT)", "", path.read_text()), "no mailbox that nobody reads"
