"""A careful client of SMTP: replies have an end, TLS begins with nothing said before, and passwords need TLS."""

import base64
import re
import smtplib
import socket
import ssl
from dataclasses import dataclass

from engage_server.records import Secret
from engage_server.services.alerts.channels.one_line import one_line
from engage_server.services.calling_out.reaching import secured

_LONGEST_LINE = 2048  # RFC 5321 section 4.5.3.1.5 has 512; some servers say more
_MOST_BYTES = 64 * 1024  # of one reply
_MOST_SHOWN = 200
_CODE = re.compile(rb"[2-5][0-9]{2}([ -]|\r?\n|$)")
_LEADING_DOT = re.compile(rb"(?m)^\.")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server said.

    Attributes:
        code: Such as 250.
        text: Its words. A stranger wrote them.
    """

    code: int
    text: str


class SmtpTrouble(Exception):
    """A server said no.

    Attributes:
        reply: What it said.
    """

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.code)
        self.reply = reply


class NotProtected(Exception):
    """The connection would not be protected as it must be. Nothing secret was sent."""


class SmtpClient(smtplib.SMTP):
    """One conversation, on a connection that is there already.

    Args:
        connection: The connection, with its time limit for each step.
        host: The name that the server's certificate must have.
    """

    def __init__(self, connection: socket.socket, host: str) -> None:
        address = connection.getsockname()[0]
        literal = f"[IPv6:{address}]" if ":" in address else f"[{address}]"
        super().__init__(local_hostname=literal)  # a name would be looked up, and the server could not check it
        self.sock = connection
        self.file = None
        self._name = host
        self._is_secure = False
        self._secrets: tuple[bytes, ...] = ()

    def getreply(self) -> tuple[int, bytes]:
        """Read one reply.

        Raises:
            SMTPServerDisconnected: The server hung up, or what it sends is no reply, or has no end.
        """
        lines: list[bytes] = []
        size = 0
        while True:
            line = self._read_line()
            size += len(line)
            if not _CODE.match(line) or size > _MOST_BYTES:
                self.close()
                raise smtplib.SMTPServerDisconnected("what it sends is no reply of a mail server")
            lines.append(line[4:].strip())
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(lines)

    def ask(self, command: str, arguments: str = "") -> Reply:
        """Send a command, and read the reply."""
        return self._reply(*self.docmd(command, arguments))

    def demand(self, command: str, arguments: str = "", code: int = 250) -> Reply:
        """Send a command.

        Raises:
            SmtpTrouble: The reply is another one.
        """
        reply = self.ask(command, arguments)
        if reply.code != code:
            raise SmtpTrouble(reply)
        return reply

    def expect_greeting(self) -> None:
        """Read the server's first reply.

        Raises:
            SmtpTrouble: It does not want to.
        """
        reply = self._reply(*self.getreply())
        if reply.code != 220:
            raise SmtpTrouble(reply)

    def greet(self) -> None:
        """Ask what the server can do.

        Raises:
            SmtpTrouble: It does not want to.
        """
        reply = self._reply(*self.ehlo())
        if reply.code != 250:
            raise SmtpTrouble(reply)

    def begin_tls(self, trust: ssl.SSLContext) -> None:
        """Protect a connection that began without TLS.

        Raises:
            NotProtected: The server, or somebody in between, says that it cannot. Or more came than its reply: somebody
                put words in, which would count as said under TLS.
            OSError: TLS failed, or the certificate is not the server's.
        """
        if not self.has_extn("starttls") or self.ask("STARTTLS").code != 220:
            raise NotProtected("offers no STARTTLS")
        if self._has_more():
            raise NotProtected("said more before TLS began than it may")
        self.use_tls(trust)
        self.ehlo_resp = None  # RFC 3207 section 4.2: what was said before counts no more
        self.esmtp_features = {}

    def use_tls(self, trust: ssl.SSLContext) -> None:
        """Begin TLS at once."""
        assert self.sock is not None  # noqa: S101  # given at the beginning
        self.sock = secured(self.sock, self._name, trust)
        self.file = None
        self._is_secure = True

    def sign_in(self, user: str, password: Secret) -> None:
        """Sign in. Non-ASCII names and passwords are sent as UTF-8 (RFC 4616).

        Raises:
            NotProtected: There is no TLS.
            SmtpTrouble: The server refuses them.
        """
        if not self._is_secure:
            raise NotProtected("would get the password without TLS")
        name, secret = user.encode(), password.reveal()
        plain = _base64(b"\0" + name + b"\0" + secret)
        self._secrets = (secret, plain.encode(), _base64(secret).encode())
        if "PLAIN" in self.esmtp_features.get("auth", "").upper().split():
            self.demand("AUTH", f"PLAIN {plain}", 235)
        else:
            self.demand("AUTH", "LOGIN", 334)
            self.demand(_base64(name), code=334)
            self.demand(_base64(secret), code=235)

    def send_content(self, content: bytes) -> Reply:
        """Send what follows DATA, and read the last reply. Every line of the content ends with CR LF."""
        self.send(_LEADING_DOT.sub(b"..", content) + b".\r\n")
        return self._reply(*self.getreply())

    def _reply(self, code: int, text: bytes) -> Reply:
        """A reply on one line, cut to what an operator wants to read. One that repeats the password has no words."""
        is_telling = any(each in text for each in self._secrets)
        return Reply(code, "" if is_telling else one_line(text.decode("ascii", "replace"), _MOST_SHOWN))

    def _read_line(self) -> bytes:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("it closed the connection")
        if self.file is None:
            self.file = self.sock.makefile("rb")
        line: bytes = self.file.readline(_LONGEST_LINE + 1)
        if not line.endswith(b"\n"):
            self.close()
            why = "its reply has no end" if len(line) > _LONGEST_LINE else "it closed the connection"
            raise smtplib.SMTPServerDisconnected(why)
        return line

    def _has_more(self) -> bool:
        """Whether bytes came behind the last reply. Asked before TLS: the server waits for us then."""
        assert self.sock is not None and self.file is not None  # noqa: S101  # a reply was read
        before = self.sock.gettimeout()
        self.sock.settimeout(0)
        try:
            return bool(self.file.peek(1))
        except BlockingIOError:
            return False
        finally:
            self.sock.settimeout(before)


def _base64(secret: bytes) -> str:
    return base64.b64encode(secret).decode("ascii")
