"""What an operator says about a webhook, and the channel that is made of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engage_server.errors import UsageError
from engage_server.records import ChannelKind, Secret
from engage_server.services.alerts.channels.bodies import alert_body
from engage_server.services.alerts.channels.terms import ChannelTerms, opened, sealed
from engage_server.services.alerts.channels.web.posting import Reach
from engage_server.services.alerts.channels.web.sending import WEBHOOK_SECONDS, WebhookChannel
from engage_server.services.alerts.channels.web.slack import slack_body
from engage_server.services.alerts.channels.web.target import Target
from engage_server.services.alerts.channels.web.teams import teams_body
from engage_server.services.sites.upstream_address import trust_of

_BODIES = {ChannelKind.WEBHOOK: alert_body, ChannelKind.SLACK: slack_body, ChannelKind.TEAMS: teams_body}
_YES = "yes"


@dataclass(frozen=True, slots=True)
class WebRequest:
    """A webhook that an operator asks for.

    Attributes:
        kind: Which body it gets.
        url: Its address.
        is_url_secret: Whether the address alone lets anybody write there, as with Slack and Teams.
        keys: What signs it. Empty for Slack and Teams.
        may_be_inside: Whether it may be in a private network or on this machine.
        trust_pem: Whom to trust for TLS. "" for the CAs that this machine trusts.
    """

    kind: ChannelKind
    url: Secret
    is_url_secret: bool
    keys: Sequence[Secret] = ()
    may_be_inside: bool = False
    trust_pem: str = ""

    def terms(self) -> ChannelTerms:
        """Check it, and return what is stored.

        Raises:
            UsageError: It cannot be used.
        """
        url = self.url.reveal().decode("utf-8", "replace").strip()
        target = Target.parse(url)
        target.assert_allowed(may_be_inside=self.may_be_inside)
        if self.is_url_secret and not target.is_secure:
            raise UsageError(
                f"the secret address at {target.shown} does not begin with https",
                "Without TLS, others could read it. Give an address that begins with https.",
                code="alert.address",
            )
        if not self.is_url_secret and "?" in url:
            raise UsageError(
                f"the address at {target.shown} has a query, which may be a secret",
                "Write the whole address into a file, and give --url-file FILE.",
                code="alert.address",
            )
        shown = {
            "host": target.shown,
            "url": "" if self.is_url_secret else url,
            "inside": _YES if self.may_be_inside else "",
            "ca_pem": self.trust_pem,
        }
        kept = {name: text for name, text in shown.items() if text}
        return ChannelTerms(kept, sealed(url=url, keys=[each.reveal().decode() for each in self.keys]))


def web_channel(
    kind: ChannelKind,
    shown: Mapping[str, str],
    secret: Secret | None,
    now: Callable[[], datetime],
    seconds: float = WEBHOOK_SECONDS,
) -> WebhookChannel:
    """Make the channel of what was stored.

    Raises:
        UsageError: It cannot be used.
    """
    fields = opened(secret)
    target = Target.parse(fields.get("url", ""))
    reach = Reach(target, trust_of(shown.get("ca_pem", "")), shown.get("inside") == _YES, seconds)
    return WebhookChannel(reach, _BODIES[kind], [Secret(each.encode()) for each in fields.get("keys", ())], now)
