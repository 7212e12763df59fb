"""What is wrong for a while, and how alerts write it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from engage_server.records import AlertKind, AlertMessage, HostSpool, Rotation, RotationState
from engage_server.services.alerts.wording import counted, harmless, in_html
from engage_server.services.releases.confirmation import waiting, waiting_words


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that is wrong now.

    Attributes:
        kind: What it is.
        site: Of which site. "" for the installation.
        what: In a sentence without its full stop. It may quote what others wrote.
        do: What to do, with the command that does it.
        page: The path of the console's page that shows it.
        host: Which host, where it is about one.
    """

    kind: AlertKind
    site: str
    what: str
    do: str
    page: str = "/"
    host: str = ""

    @property
    def key(self) -> tuple[AlertKind, str]:
        """A thing can be wrong once at a time."""
        return self.kind, self.host or self.site


def held_rotations(rotations: Sequence[Rotation]) -> list[Condition]:
    """The rotations that are paused until a person decides."""
    return [
        Condition(
            AlertKind.ROTATION_HELD,
            each.site,
            f"{each.site}: rotation {each.number} is paused: {each.why or 'a person has to decide'}",
            f"Approve the step, go back, or wait: engage rotate status --site {each.site}",
            f"/sites/{quote(each.site)}/rotation",
        )
        for each in rotations
        if each.state is RotationState.HELD
    ]


def broken_log(faults: Sequence[str]) -> list[Condition]:
    """The audit log, if it was changed."""
    if not faults:
        return []
    what = f"the audit log is broken: {_first_of(faults)}"
    return [Condition(AlertKind.AUDIT_LOG_BROKEN, "", what, "See all faults: engage audit verify", "/audit-log")]


def failed_backups(faults: Sequence[str]) -> list[Condition]:
    """Backups and drills that failed, or are overdue.

    Args:
        faults: What is wrong with them, one sentence each.
    """
    if not faults:
        return []
    what = f"backups: {_first_of(faults)}"
    return [Condition(AlertKind.DRILL_FAILED, "", what, "See the state of backups: engage status", "/about")]


def silent_host(host: str, heard_at: datetime | None, spool: HostSpool | None) -> Condition:
    """A host that stopped without a sign-off: what doors did there since is on its disk alone.

    Args:
        host: Its name.
        heard_at: When it was last heard.
        spool: What it last said about what waits there. None: nothing.
    """
    since = f" since {heard_at:%Y-%m-%d %H:%M} UTC" if heard_at else ""
    return Condition(
        AlertKind.HOST_SILENT,
        "",
        f"host {host} is silent{since}{waiting_words(spool)}",
        "Keep its disk: what doors did there since is on it alone. Start it, or connect it to the database again. If "
        f"it is gone for good: engage host forget {host}",
        "/about",
        host=host,
    )


def signed_off_host(spool: HostSpool) -> Condition:
    """A host that signed off before all that doors did there was stored.

    Args:
        spool: What it said when it signed off.
    """
    return Condition(
        AlertKind.HOST_SILENT,
        "",
        f"host {spool.host} signed off at {spool.said_at:%Y-%m-%d %H:%M} UTC, and {waiting(spool)} on its disk",
        "Keep its disk, and start it again: it stores them then. If it is gone for good: engage host forget "
        f"{spool.host}",
        "/about",
        host=spool.host,
    )


def silent_site(site: str, before: int, night_began: datetime) -> Condition:
    """A site whose doors are all silent.

    Args:
        site: Its name.
        before: How many doors called in the night before.
        night_began: When the night began in which none called.
    """
    return Condition(
        AlertKind.NOBODY_CALLED,
        site,
        f"{site}: no door has called since {night_began:%Y-%m-%d %H:%M} UTC, and {before:,} called the night before",
        "Check the network of the site, and that these servers answer: engage doctor",
        f"/sites/{quote(site)}",
    )


def begun(condition: Condition, address: str) -> AlertMessage:
    """What is said when it begins."""
    return message_of(condition.kind, condition.what, [f"Do: {condition.do}"], f"{address}{condition.page}")


def going_on(condition: Condition, began: datetime, address: str) -> AlertMessage:
    """What is said each day while it lasts."""
    since = f"It has lasted since {began:%Y-%m-%d %H:%M} UTC. This is said once a day."
    subject = f"Still: {condition.what}"
    return message_of(condition.kind, subject, [since, f"Do: {condition.do}"], f"{address}{condition.page}")


def ended(kind: AlertKind, what: str, began: datetime, now: datetime, address: str) -> AlertMessage:
    """What is said when it is over."""
    lasted = f"It lasted from {began:%Y-%m-%d %H:%M} to {now:%Y-%m-%d %H:%M} UTC. There is nothing to do."
    return message_of(kind, f"Over: {what}", [lasted], f"{address}/")


def message_of(kind: AlertKind, what: str, lines: Sequence[str], link: str) -> AlertMessage:
    """A short message: one sentence, some lines, and where the console shows it."""
    subject = harmless(what, 200)
    rest = [harmless(line) for line in lines]
    text = "\n".join([f"{harmless(what)}.", *rest, link, ""])
    shown = in_html(link, 2000)
    items = "".join(f"<p>{in_html(line)}</p>" for line in (f"{what}.", *lines))
    html = (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{in_html(what, 200)}</title></head>'
        f'<body>{items}<p><a href="{shown}">{shown}</a></p></body></html>\n'
    )
    return AlertMessage(kind, subject, text, html, {"what": harmless(what), "link": link})


def _first_of(faults: Sequence[str]) -> str:
    return f"{faults[0]} (and {counted(len(faults) - 1, 'more fault')})" if len(faults) > 1 else faults[0]
