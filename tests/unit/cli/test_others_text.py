"""What others wrote, in what commands print: no password of an address, and no control character."""

from pathlib import Path

import pytest

from tests.support.commands import engage

SECRET = "hunter2"


@pytest.mark.parametrize(
    "arguments",
    [
        ("chain", "check", f"https://user:{SECRET}@host.invalid"),
        ("chain", "check", f"user:{SECRET}@host.invalid"),
        ("chain", "check", f"https://user:a@{SECRET}@host.invalid", "--format", "json"),
        ("chain", "check", f"https://user:a/{SECRET}@host.invalid", "--format", "sarif"),
        ("chain", "check", f"user:a/{SECRET}@host.invalid", "--format", "junit"),
        ("chain", "show", f"https://user:{SECRET}@host.invalid"),
        ("chain", "build", "new", "--host", f"https://user:{SECRET}@host.invalid"),
        ("lock", "fetch", f"http://user:{SECRET}@127.0.0.1:9", "--site-key-file", "site.key"),
        ("lock", "conformance", f"user:{SECRET}@127.0.0.1:9", "--site-key-file", "site.key"),
        ("lock", "misbehave", f"http://user:{SECRET}@127.0.0.1:9"),
    ],
    ids=" ".join,
)
def test_the_password_of_an_address_is_never_shown(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "site.key").write_text("ab" * 32)
    done = engage(tmp_path, *arguments)
    shown = done.stdout + done.stderr
    assert done.returncode in (2, 3), shown
    assert SECRET not in shown
    assert "host.invalid" in shown or "127.0.0.1" in shown, "which address it was is still said"


@pytest.mark.parametrize(
    "url", [f"postgresql://user:a@{SECRET}@127.0.0.1:9/db", f"postgresql://user:{SECRET}@127.0.0.1:9/db"]
)
def test_the_password_of_a_database_is_never_shown(tmp_path: Path, url: str) -> None:
    """Before, what stood behind the first @ was a part of the host, which errors name."""
    for arguments in (("site", "list"), ("settings",)):
        done = engage(tmp_path, *arguments, ENGAGE_DATABASE_URL=url)
        assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("hash", "a\nerror [fake]: b.der", "--site-key-file", "site.key"),
        ("chain", "show", "a\nerror [fake]: b.pem"),
        ("chain", "check", "a\nerror [fake]: b.pem"),
        ("chain", "check", "chain.pem", "--anchor", "a\nerror [fake]: b.pem"),
        ("chain", "check", "chain.pem", "--profile", "a\nerror [fake]: b.toml"),
    ],
    ids=" ".join,
)
def test_a_name_begins_no_line_and_colours_none(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "site.key").write_text("ab" * 32)
    for control, shown in (("\n", r"\n"), ("\x1b[31m", r"\x1b[31m")):
        done = engage(tmp_path, *(each.replace("\n", control) for each in arguments))
        printed = done.stdout + done.stderr
        assert done.returncode in (2, 3)
        assert f"a{shown}error [fake]" in printed
        assert "\x1b" not in printed
        assert not any(line.startswith("error [fake]") for line in printed.splitlines())
