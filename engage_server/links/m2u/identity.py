"""Whose router sent a message: the three header fields that Talk2M adds, and what only looks like them.

Their names have underscores. Many servers make one name of ``X_Talk2M_Account`` and ``X-Talk2M-Account``, and some
drop the genuine one and keep the forged one. Here a name is genuine only as Talk2M spells it, in any case (RFC 9110
section 5.1), and once. Whatever becomes the same name in such a server is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass

ACCOUNT, DEVICE, SERIAL = "x_talk2m_account", "x_talk2m_device", "x_talk2m_serialnumber"
NAMES = (ACCOUNT, DEVICE, SERIAL)
_MAX_CHARACTERS = 128


class IdentityRefused(Exception):
    """The header fields are not those of Talk2M.

    Args:
        reason: For the log and for the caller. It names no value.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Identity:
    """What Talk2M says of a router. All are "" if its account hides them.

    Attributes:
        account: The Talk2M account.
        device: The router's name in the account.
        serial: Its serial number. It changes when the router is replaced.
    """

    account: str
    device: str
    serial: str

    @property
    def is_hidden(self) -> bool:
        """Whether the account does not expose the identity of its routers."""
        return not (self.account or self.device or self.serial)


def read_identity(fields: Sequence[tuple[str, str]]) -> Identity:
    """Read the identity from header fields as they were sent.

    Args:
        fields: Names in lower case, "_" and "-" distinct, duplicates kept.

    Raises:
        IdentityRefused: A field is missing, stands there twice, has a look-alike, or a value that no name has. Or the
            account hides only a part of it.
    """
    look_alikes = [name for name, _ in fields if name not in NAMES and name.replace("-", "_") in NAMES]
    if look_alikes:
        raise IdentityRefused(f"the header field {look_alikes[0]} only looks like one of Talk2M")
    found = {name: _only(name, fields) for name in NAMES}
    identity = Identity(found[ACCOUNT], found[DEVICE], found[SERIAL])
    if not identity.is_hidden and not (identity.account and identity.device):
        raise IdentityRefused("the identity is incomplete")
    return identity


def _only(name: str, fields: Sequence[tuple[str, str]]) -> str:
    values = [value for each, value in fields if each == name]
    if not values:
        raise IdentityRefused(f"the header field {name} is missing: a proxy may have removed it")
    if len(values) > 1:
        raise IdentityRefused(f"the header field {name} stands there {len(values)} times")
    value = _text(values[0].strip(" \t"))
    if len(value) > _MAX_CHARACTERS or (value and not value.isprintable()):
        raise IdentityRefused(f"the header field {name} has a value that cannot be a name")
    return value


def _text(value: str) -> str:
    """Read UTF-8 as UTF-8. Fields arrive as Latin-1, which keeps every byte."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value
