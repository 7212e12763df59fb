"""Makes the channel of a recipient."""

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from engage_server.records import ChannelKind, Recipient, Secret
from engage_server.services.alerts.channel import Channel
from engage_server.settings import Settings


def service_user(settings: Settings) -> tuple[int, int] | None:
    """The user and group that own the data folder, if this process is root and they are not. None: nobody else.

    The servers run as that user. A command that root runs for a trial must get no more rights than theirs.
    """
    if os.geteuid() != 0:
        return None
    try:
        found = settings.data_dir.stat()
    except OSError:
        return None
    return (found.st_uid, found.st_gid) if found.st_uid else None


def channel_for(
    recipient: Recipient,
    secret: Secret | None,
    environment: Mapping[str, str],
    run_as: tuple[int, int] | None = None,
) -> Channel:
    """Make the way to a recipient. It is cheap, and holds no connection.

    Args:
        recipient: The recipient.
        secret: Its secret, opened.
        environment: The variables of this process. Few of them reach a command, and no secret does.
        run_as: The user and group as whom a command runs. None: those of this process.

    Raises:
        UsageError: What is stored cannot be used.
    """
    if recipient.channel is ChannelKind.MAIL:
        from engage_server.services.alerts.channels.mail.terms import mail_channel

        return mail_channel(recipient.terms, secret)
    if recipient.channel is ChannelKind.COMMAND:
        from engage_server.services.alerts.channels.command_terms import command_channel

        return command_channel(recipient.terms, environment, time.monotonic, run_as=run_as)
    from engage_server.services.alerts.channels.web.terms import web_channel

    return web_channel(recipient.channel, recipient.terms, secret, lambda: datetime.now(UTC))
