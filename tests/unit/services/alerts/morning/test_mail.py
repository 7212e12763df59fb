"""What the morning mail says, and that nothing in it does what it should not."""

from dataclasses import replace
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest

from engage_server.records import AlertKind, AlertMessage, BackupRun, BackupStep, RotationState
from engage_server.services.alerts.morning.briefing import BackupBriefing, CameThrough
from engage_server.services.alerts.morning.mail import MOST_BYTES, morning_message, whole_message
from engage_server.services.risk.kinds import PATH_CUT, RENEWAL_SOON
from engage_server.services.risk.known import Risk
from engage_server.services.rotation.progress import RotationProgress
from engage_server.services.site_path.standing import PathState
from tests.support.briefings import (
    CONSOLE,
    FRIDAY,
    MONDAY,
    briefing,
    door,
    held,
    never_seen,
    no_return,
    rotation,
    site,
)
from tests.support.chains import NOW
from tests.support.world import serial_of

EVIL = "\r\nBcc: all@example.org\r\n\r\n<script>alert(1)</script>\u202edoor\u200b\x1b[31m\"'&"


def message(*sites: object, **other: object) -> AlertMessage:
    """The mail of a briefing that has something to say."""
    found = morning_message(briefing(*sites, **other))  # type: ignore[arg-type]
    assert found is not None
    return found


class TestSubject:
    """It says all."""

    def test_doors_rotation_and_days(self) -> None:
        found = message(site(door(1), door(2), door(3), rotation=held()))
        assert found.subject == "main: 3 doors at risk, rotation held, 41 days to last safe start"

    def test_several_sites_the_worst_named(self) -> None:
        sites = [site(door(1, site=name), name=name) for name in ("a", "b", "c", "d", "e")]
        found = message(*sites, site(name="calm"))
        assert found.subject.startswith("a: 1 door at risk, 41 days to last safe start; b: 1 door")
        assert found.subject.endswith("; 2 more sites")
        assert "calm" not in found.subject

    def test_a_cut_path_is_the_news(self) -> None:
        risk = Risk(PATH_CUT, "40 doors of main are silent because its SIM is suspended", "Activate it", silent=40)
        found = message(site(risks=(risk,), path=PathState.CUT))
        assert found.subject == "main: path cut, 40 doors silent, no door at risk, 41 days to last safe start"
        assert found.text.count("40 doors of main are silent because its SIM is suspended") == 1

    @pytest.mark.parametrize(("days", "words"), [(0, "is today"), (-3, "was 3 days ago"), (1, "1 day to last")])
    def test_the_last_safe_day(self, days: int, words: str) -> None:
        one = site(door(1))
        moved = replace(one.last_safe_days[0], day=FRIDAY + timedelta(days=days))
        assert words in message(replace(one, last_safe_days=(moved,))).subject

    def test_late(self) -> None:
        found = message(site(door(1)), is_late=True)
        assert found.subject.startswith("Late: main: ")
        assert "This mail is late. It was due at" in found.text


class TestWhetherItIsSaid:
    """Nothing to say is no mail, and Monday proves that it lives."""

    def test_a_calm_day_says_nothing(self) -> None:
        assert morning_message(briefing(site())) is None

    def test_a_calm_monday_says_one_line(self) -> None:
        found = message(site(), day=MONDAY)
        assert found.kind is AlertKind.ALIVE
        assert found.subject == "all well at 1 site, 38 days to last safe start"
        assert len(found.text.splitlines()) == 3

    @pytest.mark.parametrize("one", [site(never_seen(1)), site(risks=(Risk(RENEWAL_SOON, "soon", "renew"),))])
    def test_what_is_only_worth_a_look_waits_for_monday(self, one: object) -> None:
        assert morning_message(briefing(one)) is None  # type: ignore[arg-type]
        assert message(one, day=MONDAY).kind is AlertKind.MORNING

    def test_an_open_rotation_is_said_each_day(self) -> None:
        running = RotationProgress(rotation(RotationState.RUNNING, ""), None, None)
        assert "rotation open" in message(site(rotation=running)).subject

    def test_a_failed_backup_is_said(self) -> None:
        backup = BackupBriefing(trouble="the disk is full")
        assert message(site(), backup=backup).subject.startswith("backup not in order; main: ")

    def test_whoever_asks_gets_the_whole(self) -> None:
        assert whole_message(briefing(site())).kind is AlertKind.MORNING


class TestText:
    """What stands in it, in this order."""

    def test_doors_by_place_name_first(self) -> None:
        found = message(site(door(2, place="Building 2"), door(1, name="North", place="Building 1"), door(3)))
        text = found.text
        assert f"* North ({serial_of(1)}): high: it refused TLS 1 times." in text
        order = [text.index(each) for each in ("risk, Building 1", "risk, Building 2", "risk, no place")]
        assert order == sorted(order)
        assert f"  Do: Check its clock. engage device show {serial_of(2)}" in text
        assert text.startswith(found.subject)

    def test_decisions_come_first_with_command_and_link(self) -> None:
        text = message(site(door(1), rotation=held("3 doors are lost"))).text
        assert text.index("to decide") < text.index("doors at risk, ")
        assert "Rotation 7 is paused: 3 doors are lost." in text
        assert "engage rotate status --site main" in text
        assert f"  {CONSOLE}/sites/main/rotation\n" in text

    def test_the_night_the_days_and_the_backups(self) -> None:
        came = CameThrough(4, 20, 15, 3, is_judged=True)
        run = BackupRun(BackupStep.DRILLED, NOW - timedelta(days=2), True, "engage.tar.gz", "one", 3.0)
        text = message(site(door(1), came=came), backup=BackupBriefing(None, run)).text
        assert "3 doors came through with release 4 tonight. 15 of 20 doors have come through by now." in text
        assert "12 doors called since noon." in text
        assert "main: 41 days to last safe start: server 2027-01-07." in text
        assert "Last good drill:" in text and "2 days ago (engage.tar.gz)" in text
        assert "There is no good backup yet." in text

    def test_the_page_says_the_same(self) -> None:
        found = message(site(door(1, name="North"), rotation=held()))
        words = _words(found.html)
        for line in found.text.splitlines():
            assert line.strip().removeprefix("* ") in words, line


class TestSize:
    """10,000 doors at risk are a mail that arrives."""

    @pytest.mark.parametrize("name", ["", "\U0001f6aa" * 80, '"' * 80], ids=["none", "wide", "escaped"])
    def test_the_worst_fifty_and_a_link(self, name: str) -> None:
        many = [door(number, name=name, place=name and f"{number} {'ü' * 100}") for number in range(10_000)]
        found = message(site(no_return(77_777), *many, *many[:0]))
        mail = EmailMessage(policy=policy.SMTP)
        mail["Subject"] = found.subject
        mail.set_content(found.text, cte="base64")
        mail.add_alternative(found.html, subtype="html", cte="base64")
        assert len(bytes(mail)) < 100_000
        assert len((found.text + found.html).encode()) <= MOST_BYTES
        assert "10,001 doors at risk" in found.subject
        listed = found.text.count(": high: ")
        assert listed == 50 or (name and listed >= 12)
        assert f"{10_001 - listed:,} more doors at risk. See all of them:\n  {CONSOLE}/\n" in found.text

    def test_very_many_sites_are_a_mail_that_arrives(self) -> None:
        found = message(*(site(door(number, site=f"s{number}"), name=f"s{number}") for number in range(400)))
        assert len((found.text + found.html).encode()) <= MOST_BYTES
        assert "more sections are on the console" in found.text
        assert "more sections" not in message(site(door(1))).text

    def test_the_worst_of_all_sites_are_shown(self) -> None:
        low = site(*[never_seen(number) for number in range(60)])
        high = site(door(5000, site="north"), name="north")
        assert serial_of(5000) in message(low, high).text


class TestStrangersWords:
    """Names, places, hosts and reasons are written by anyone."""

    def test_no_line_ends_and_no_direction_turns(self) -> None:
        one = door(1, name=EVIL, place=EVIL)
        strange = replace(one, risks=(replace(one.risks[0], why=EVIL, mend=EVIL),))
        risk = Risk(PATH_CUT, EVIL, EVIL, silent=1)
        backup = BackupBriefing(trouble=EVIL)
        found = message(site(strange, title=EVIL, risks=(risk,), rotation=held(EVIL)), backup=backup)
        for text in (found.subject, found.text.replace("\n", ""), found.html.replace("\n", "")):
            assert text.isprintable(), "each control character and each mark that turns text is written out"
        assert "\\u202edoor" in found.text
        assert not any(line.lower().startswith("bcc") for line in found.text.splitlines())
        mail = EmailMessage(policy=policy.SMTP)
        mail["Subject"] = found.subject
        assert b"\r\nBcc" not in bytes(mail)

    def test_the_page_runs_nothing_and_asks_nobody(self) -> None:
        found = message(site(door(1, name=EVIL, place='<img src="http://e.example/x">'), title="<b>x</b>"))
        tags = _Tags()
        tags.feed(found.html)
        assert tags.seen <= {"html", "head", "meta", "title", "body", "h1", "h2", "ul", "li", "p", "br", "a"}
        assert all(link.startswith(CONSOLE) for link in tags.links)

    def test_the_escaping_is_what_saves_us(self) -> None:
        """The control: the same words without it."""
        tags = _Tags()
        tags.feed(EVIL)
        assert "script" in tags.seen
        assert not EVIL.isprintable()


class _Tags(HTMLParser):
    """The tags of a page, where its links lead, and its words."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.links: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


def _words(page: str) -> str:
    tags = _Tags()
    tags.feed(page)
    return "\n".join(tags.words).replace("Console:\n", "Console: ")
