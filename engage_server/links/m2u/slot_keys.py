"""The keys of a link of Talk2M M2U in ``links.toml``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from engage_server.links.m2u.login import LoginIn, Logins, read_login, read_logins
from engage_server.links.registry.links_file import Link
from engage_server.links.registry.secret_file import SECRET_BYTES, read_secret_file
from engage_server.links.registry.table import Matching, read_table

SlotName = Annotated[str, Matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", "letters, digits, '.', '_' and '-', at most 63")]
FieldName = Annotated[str, Matching(r"[A-Za-z0-9._-]{1,64}", "letters, digits, '.', '_' and '-', at most 64")]
_LOGINS_BYTES = 256 * SECRET_BYTES


@dataclass(frozen=True, slots=True)
class SlotKeys:
    """What ``[links.NAME]`` may hold for ``partner = "m2u"``, besides what every link has.

    Attributes:
        slot: The last part of the address: ``/m2u/<slot>``.
        login_file: One login, for all devices: ``user:password``.
        logins_file: A login for each device: lines of ``device:user:password``. Give one of the two files.
        login_in: Where callers present it.
        user_field, password_field: The names of the fields, for a form or a query.
        accounts: Talk2M accounts, and the devices of each. An empty list: every device of the account.
        identity: Whether a message may come without an identity, because its account hides it.
        client_certificate: Whether the caller must present a certificate in TLS.
    """

    slot: SlotName
    login_file: Path | None = None
    logins_file: Path | None = None
    login_in: LoginIn = "basic"
    user_field: FieldName = "user"
    password_field: FieldName = "password"  # noqa: S105  # the field's name
    accounts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    identity: Literal["required", "optional"] = "required"
    client_certificate: Literal["optional", "required"] = "optional"


@dataclass(frozen=True, slots=True)
class Slot:
    """A link of Talk2M M2U, with its logins.

    Attributes:
        link: The name of the link.
        site: The site's name.
        keys: Its keys.
        logins: Who may send.
    """

    link: str
    site: str
    keys: SlotKeys
    logins: Logins

    def allows(self, account: str, device: str) -> bool:
        """Whether a device of an account is on the list."""
        devices = self.keys.accounts.get(account)
        return devices is not None and (not devices or device in devices)


def read_slot(link: Link) -> Slot:
    """Read one link.

    Raises:
        SettingsInvalid: A key is unknown, missing or wrong, or the file with the login cannot be used.
    """
    keys = read_table(SlotKeys, link.rest, link.where)
    if (keys.login_file is None) == (keys.logins_file is None):
        raise link.where.refused(
            "it needs login_file or logins_file, and only one of them",
            "Write a file with user:password and name it in login_file. For a login for each device: logins_file.",
        )
    if not keys.accounts and keys.identity == "required":
        raise link.where.refused(
            "no account is allowed",
            'Name the Talk2M accounts: accounts = { acme = [] }. Or set identity = "optional".',
            "accounts",
        )
    return Slot(link.name, link.site, keys, _logins(keys))


def _logins(keys: SlotKeys) -> Logins:
    if keys.login_file is not None:
        return Logins([read_login(read_secret_file(keys.login_file), str(keys.login_file))])
    assert keys.logins_file is not None  # noqa: S101  # one of the two is there
    return Logins(read_logins(read_secret_file(keys.logins_file, limit=_LOGINS_BYTES), str(keys.logins_file)))
