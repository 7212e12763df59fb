"""Writes an alert as a mail: text first, the same as a page second. The bytes are the same in each attempt."""

from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import getaddresses

from engage_server.errors import UsageError
from engage_server.records import OutboxEntry
from engage_server.services.alerts.channels.one_line import one_line, plain_lines

# everything is ASCII and no line is longer than a server must take, so no extension of the server is needed
_POLICY = SMTP.clone(cte_type="7bit", max_line_length=78)
_LONGEST_WORD = 60  # of a subject: a longer one is cut into several, because a header ends its lines at spaces
_MOST_ADDRESS = 254  # RFC 5321 section 4.5.3.1.3, less the angle brackets


def read_mail_address(text: str, option: str) -> Address:
    """Read an address, with or without a name: ``Doors of the depot <doors@example.org>``.

    Raises:
        UsageError: It is none that every mail server takes.
    """
    found = getaddresses([text])
    name, address = found[0] if len(found) == 1 else ("", "")
    local, _, domain = address.rpartition("@")
    is_usual = (
        text.isprintable()
        and "=?" not in text
        and address.isascii()
        and " " not in address
        and len(address) <= _MOST_ADDRESS
    )
    try:
        if is_usual and local and domain and not set(address) & set('"(),:;<>[\\]'):
            return Address(name, addr_spec=address)
    except (ValueError, HeaderParseError, IndexError):
        pass
    raise UsageError(
        f"{option}: '{one_line(text, 80)}' is not a mail address",
        "Give one, such as doors@example.org. Write a domain with other letters in its xn-- form.",
        code="alert.mail_address",
    )


def mail_of(entry: OutboxEntry, sender: Address, to: Address) -> bytes:
    """Write the mail.

    Args:
        entry: The alert. Its id becomes the Message-ID, and its time the Date.
        sender: From whom.
        to: To whom.
    """
    message = EmailMessage(policy=_POLICY)
    message["From"] = sender
    message["To"] = to
    message["Subject"] = _foldable(one_line(entry.message.subject))
    message["Date"] = entry.made_at
    message["Message-ID"] = f"<{entry.id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notice comes back
    message["X-Auto-Response-Suppress"] = "All"  # the same for Exchange
    message.set_content("\n".join(plain_lines(entry.message.text)).rstrip("\n") + "\n", charset="utf-8")
    if entry.message.html:
        html = "\n".join(plain_lines(entry.message.html))
        message.add_alternative(html, subtype="html", charset="utf-8")
    return message.as_bytes()


def _foldable(subject: str) -> str:
    """A subject whose words are short enough for the lines of a header.

    The library decodes what looks encoded (RFC 2047). A line end in it would begin a header that a stranger wrote.
    """
    words = subject.replace("=?", "= ?").split(" ")
    return " ".join(word[at : at + _LONGEST_WORD] for word in words for at in range(0, len(word) or 1, _LONGEST_WORD))
