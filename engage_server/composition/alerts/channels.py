"""Makes the channel of a recipient."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from engage_server.records import ChannelKind, Recipient, Secret
from engage_server.services.alerts.channel import Channel


def channel_for(recipient: Recipient, secret: Secret | None, environment: Mapping[str, str]) -> Channel:
    """Make the way to a recipient. It is cheap, and holds no connection.

    Args:
        recipient: The recipient.
        secret: Its secret, opened.
        environment: The variables of this process. Few of them reach a command, and no secret does.

    Raises:
        UsageError: What is stored cannot be used.
    """
    if recipient.channel is ChannelKind.MAIL:
        from engage_server.services.alerts.channels.mail.terms import mail_channel

        return mail_channel(recipient.terms, secret)
    if recipient.channel is ChannelKind.COMMAND:
        from engage_server.services.alerts.channels.command_terms import command_channel

        return command_channel(recipient.terms, environment, time.monotonic)
    from engage_server.services.alerts.channels.web.terms import web_channel

    return web_channel(recipient.channel, recipient.terms, secret, lambda: datetime.now(UTC))
