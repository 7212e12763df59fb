"""``engage tonight``: who is at risk, the worst first, and what to do."""

import json
from pathlib import Path

from tests.support.commands import engage, ok
from tests.support.world import serial_of


def test_nobody(installation: Path) -> None:
    done = engage(installation, "tonight")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("main: no door is at risk until ")
    assert "next: " in done.stdout


def test_a_door_that_was_never_seen_is_low(installation: Path) -> None:
    ok(engage(installation, "device", "add", serial_of(7), "--name", "North entrance", "--place", "Building 3"))
    done = engage(installation, "tonight", "--site", "main")
    assert done.returncode == 0
    assert "1 door at risk until" in done.stdout
    said = " ".join(done.stdout.split())
    assert f"low North entrance ({serial_of(7)}), Building 3: it is on the list" in said
    assert f"engage device remove {serial_of(7)} --site main" in said
    found = json.loads(engage(installation, "tonight", "--json").stdout)
    (door,) = found["sites"][0]["doors"]
    assert (door["device"], door["name"], door["place"], door["severity"]) == (
        serial_of(7),
        "North entrance",
        "Building 3",
        "low",
    )
    assert found["needs_attention"] is False
    ok(engage(installation, "device", "remove", serial_of(7), "--yes"))


def test_another_site_is_refused_by_name(installation: Path) -> None:
    done = engage(installation, "tonight", "--site", "gone")
    assert done.returncode != 0
    assert "gone" in done.stderr


class TestMail:
    """What the morning mail would say now, and sending it by hand."""

    def test_it_is_printed_and_nothing_is_sent(self, installation: Path) -> None:
        done = engage(installation, "tonight", "--mail")
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.startswith("Subject: main: no door at risk, ")
        assert "0 doors called since noon." in done.stdout
        found = json.loads(engage(installation, "tonight", "--mail", "--json").stdout)
        assert f"Subject: {found['subject']}\n" in done.stdout
        assert found["facts"]["sites"][0]["site"] == "main"

    def test_it_is_sent_to_one_recipient_and_recorded(self, installation: Path, tmp_path: Path) -> None:
        kept = tmp_path / "kept"
        run = ("--run", "/bin/sh", "--", "-c", f"cat > {kept}")
        ok(engage(installation, "alert", "add", "command", "keeper", *run))
        done = engage(installation, "tonight", "--mail", "--to", "keeper")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "sent to keeper: main: no door at risk" in " ".join(done.stdout.split())
        assert "main: no door at risk" in kept.read_text()
        assert "sent the morning mail to keeper" in engage(installation, "audit", "show", "--last", "1").stdout
        ok(engage(installation, "alert", "remove", "keeper"))

    def test_what_cannot_be_is_refused(self, installation: Path) -> None:
        assert engage(installation, "tonight", "--to", "keeper").returncode == 2
        nobody = engage(installation, "tonight", "--mail", "--to", "nobody")
        assert nobody.returncode == 2 and "there is no recipient 'nobody'" in nobody.stderr
