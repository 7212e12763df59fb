"""What an operator says about mail, and the channel that is made of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from engage_server.errors import HostInvalid, UsageError
from engage_server.records import Host, Secret
from engage_server.services.alerts.channels.mail.message import read_mail_address
from engage_server.services.alerts.channels.mail.sending import Encryption, MailChannel, MailLimits, MailServer
from engage_server.services.alerts.channels.terms import ChannelTerms, opened, sealed
from engage_server.services.sites.upstream_address import trust_of

_PORTS = {Encryption.STARTTLS: 587, Encryption.TLS: 465, Encryption.NONE: 25}
_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
_LONGEST_USER = 320
_LONGEST_PASSWORD = 1024


@dataclass(frozen=True, slots=True)
class MailRequest:
    """Mail that an operator asks for.

    Attributes:
        to: One address, with or without a name.
        sender: From whom. "" for the user, if that is an address.
        server: ``HOST`` or ``HOST:PORT``.
        encryption: How the connection is protected.
        user: The name to sign in with. "" for none.
        password: Its password.
        trust_pem: Whom to trust for TLS. "" for the CAs that this machine trusts.
    """

    to: str
    sender: str
    server: str
    encryption: Encryption = Encryption.STARTTLS
    user: str = ""
    password: Secret | None = None
    trust_pem: str = ""

    def changed(
        self, sender: str | None, server: str | None, user: str | None, encryption: Encryption | None
    ) -> "MailRequest":
        """The same with what is given instead. Another user does not get the password of this one."""
        return replace(
            self,
            sender=sender or self.sender,
            server=server or self.server,
            encryption=encryption or self.encryption,
            user=self.user if user is None else user,
            password=self.password if user is None else None,
        )

    def terms(self) -> ChannelTerms:
        """Check it, and return what is stored.

        Raises:
            UsageError: It cannot be used.
        """
        whole = replace(self, sender=self.sender or (self.user if "@" in self.user else ""))
        _assert_signs_in_safely(whole)
        if not whole.sender:
            raise UsageError("it is not known from whom the mail comes", "Give --from ADDRESS.", code="alert.from")
        read_mail_address(whole.to, "--to")
        read_mail_address(whole.sender, "--from")
        host, port = _read_server(whole.server, whole.encryption)
        shown = {
            "to": whole.to,
            "from": whole.sender,
            "server": f"{host.in_url}:{port}",
            "encryption": whole.encryption.value,
            "user": whole.user,
            "ca_pem": whole.trust_pem,
        }
        kept = {name: text for name, text in shown.items() if text}
        password = whole.password
        return ChannelTerms(kept, None if password is None else sealed(password=password.reveal().decode()))


def read_request(shown: Mapping[str, str], secret: Secret | None) -> MailRequest:
    """Read what was stored."""
    password = opened(secret).get("password")
    return MailRequest(
        shown["to"],
        shown["from"],
        shown["server"],
        Encryption(shown.get("encryption", Encryption.STARTTLS)),
        shown.get("user", ""),
        None if password is None else Secret(password.encode()),
        shown.get("ca_pem", ""),
    )


def mail_channel(shown: Mapping[str, str], secret: Secret | None, limits: MailLimits | None = None) -> MailChannel:
    """Make the channel of what was stored.

    Raises:
        UsageError: It cannot be used.
    """
    request = read_request(shown, secret)
    host, port = _read_server(request.server, request.encryption)
    trust = trust_of(request.trust_pem)
    server = MailServer(host.text, port, request.encryption, trust, request.user, request.password)
    sender, to = read_mail_address(request.sender, "--from"), read_mail_address(request.to, "--to")
    return MailChannel(server, sender, to, limits or MailLimits())


def read_password(content: bytes) -> Secret:
    """Read a password from a file: one line of UTF-8.

    Raises:
        UsageError: It is something else. It is not repeated.
    """
    line = content.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n")
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = ""
    if not text or len(text) > _LONGEST_PASSWORD or not text.isprintable():
        raise UsageError(
            "the password of the mail server cannot be read",
            "Write it into a file, on one line, and nothing else.",
            code="alert.password",
        )
    return Secret(line)


def _assert_signs_in_safely(request: MailRequest) -> None:
    user, password = request.user, request.password
    if bool(user) != (password is not None):
        raise UsageError(
            "a user and a password belong together",
            "Give --user NAME and --password-file FILE, or neither.",
            code="alert.user",
        )
    if user and request.encryption is Encryption.NONE:
        raise UsageError(
            "a password is never sent without TLS",
            "Use --encryption starttls or tls, or leave out --user.",
            code="alert.user",
        )
    if not user.isprintable() or len(user) > _LONGEST_USER:
        raise UsageError("the user's name cannot be used", "Give --user as your provider writes it.", code="alert.user")


def _read_server(text: str, encryption: Encryption) -> tuple[Host, int]:
    found = _PORT.fullmatch(text)
    try:
        host = Host.parse(found["host"] if found else "")
        port = int(found["port"] or _PORTS[encryption]) if found else 0
    except HostInvalid:
        port = 0
    if not 0 < port <= 65535:
        raise UsageError(
            f"'{text[:80]}' is not a mail server",
            "Give --server HOST or HOST:PORT. Put an IPv6 address in brackets.",
            code="alert.server",
        )
    return host, port
