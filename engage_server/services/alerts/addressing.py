"""Who gets which alert, and the entry of the outbox for each of them. Pure."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime

from engage_server.records import AlertKind, AlertMessage, OutboxEntry, OutboxState, Recipient

# what nobody can leave out by choosing kinds: it says that alerts themselves do not work
_ALWAYS = (AlertKind.TEST,)
_DAILY = (AlertKind.MORNING, AlertKind.ALIVE)


def wants(recipient: Recipient, kind: AlertKind, site: str = "") -> bool:
    """Whether an alert is for a recipient.

    Args:
        recipient: The recipient. One that is off wants nothing.
        kind: What the alert is about. Who wants the morning mail gets its line on Mondays, too.
        site: The site that it is about. "" for the installation, which concerns everybody.
    """
    if recipient.off_since is not None or (site and recipient.sites is not None and site not in recipient.sites):
        return False
    if not recipient.kinds or kind in _ALWAYS:
        return True
    return kind in recipient.kinds or (kind in _DAILY and AlertKind.MORNING in recipient.kinds)


def entry_for(recipient: Recipient, message: AlertMessage, site: str, period: str, now: datetime) -> OutboxEntry:
    """An alert on its way to one recipient.

    Args:
        recipient: The recipient.
        message: What it says.
        site: The site that it is about; "" for the installation or several.
        period: Makes it unique together with kind, site and recipient.
        now: When it is made.
    """
    number = f"msg_{uuid.uuid4().hex}"
    return OutboxEntry(number, recipient.name, site, period, message, OutboxState.WAITING, 0, 0, now, now)


def entries_for(
    recipients: Iterable[Recipient],
    message: AlertMessage,
    site: str,
    period: str,
    now: datetime,
    *,
    happened_at: datetime | None = None,
) -> list[OutboxEntry]:
    """An alert for everybody who wants it.

    Args:
        recipients: All of them.
        message: What it says.
        site: The site that it is about; "" for the installation.
        period: Makes it unique.
        now: When it is made.
        happened_at: When it happened: who was added later does not hear of it. None: it goes on.
    """
    return [
        entry_for(each, message, site, period, now)
        for each in recipients
        if wants(each, message.kind, site) and (happened_at is None or happened_at >= each.added_at)
    ]


def sites_of(recipient: Recipient, names: Sequence[str]) -> list[str]:
    """The sites that the alerts of a recipient are about, of all that there are."""
    return [name for name in names if recipient.sites is None or name in recipient.sites]


def see_all_sites(recipients: Sequence[Recipient]) -> Sequence[Recipient]:
    """Who hears of what may name people and sites that not everybody has to know, such as why a drill failed.

    If all recipients are limited to some sites, all of them hear of it: that nobody does would be worse.
    """
    return [each for each in recipients if each.sites is None] or recipients
