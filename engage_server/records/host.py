"""The name or address by which devices call a site."""

import re
from dataclasses import dataclass
from typing import Self

import idna

from engage_server.errors import HostInvalid
from engage_server.records.address import read_address
from engage_server.shown_text import without_user

MAX_DNS_NAME_OCTETS = 253  # RFC 1035 section 2.3.4, less the length octets and the root

# RFC 1123 section 2.1. Host names must not have an underscore, but Windows sites do have it.
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Host:
    """A DNS name in lower case and A-label form, or an IP address in its canonical form.

    :meth:`parse` makes it. The constructor checks nothing.
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one host as an operator would write it.

        A trailing dot, upper case, brackets around an IPv6 address and international names are accepted. A port, a
        scheme, a wildcard and an IPv6 zone are not. None of them can be in a certificate, or be the host that a device
        was given at commissioning.

        Raises:
            HostInvalid: The text is neither a DNS name nor an IP address.
        """
        bare = text.strip().removesuffix(".").lower()
        address = _canonical_address(bare)
        if address is not None:
            return cls(address)
        ascii_name = _a_label_form(bare, text)
        labels = ascii_name.split(".")
        if len(ascii_name) > MAX_DNS_NAME_OCTETS or not all(_LABEL.fullmatch(label) for label in labels):
            raise _invalid(text)
        if labels[-1].isdigit():  # RFC 1123 section 2.1: such a text is an address, and this one is not valid
            raise _invalid(text)
        return cls(ascii_name)

    @property
    def is_address(self) -> bool:
        """Whether this is an IP address, not a name."""
        return _canonical_address(self.text) is not None

    @property
    def is_this_machine(self) -> bool:
        """Whether it is ``localhost`` or an address of the loopback interface: on each machine, that machine."""
        address = read_address(self.text)
        return self.text == "localhost" if address is None else address.is_loopback

    @property
    def in_url(self) -> str:
        """The form for a URL: an IPv6 address in brackets (RFC 3986 section 3.2.2)."""
        return f"[{self.text}]" if ":" in self.text else self.text

    def __str__(self) -> str:
        return self.text


def _canonical_address(text: str) -> str | None:
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if "%" in bare:
        return None
    address = read_address(bare)
    return None if address is None else str(address)


def _a_label_form(bare: str, original: str) -> str:
    if bare.isascii():
        return bare
    try:
        return idna.encode(bare, uts46=True).decode("ascii")
    except idna.IDNAError:
        raise _invalid(original) from None


def _invalid(text: str) -> HostInvalid:
    text = without_user(text)
    shown = text if len(text) <= 80 else text[:77] + "..."
    return HostInvalid(
        f"{shown!r} is neither a DNS name nor an IP address",
        "Give only the name or address that devices call, such as locks.example.org or 10.44.68.128: no scheme, no "
        "port, no wildcard.",
    )
