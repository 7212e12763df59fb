"""Talk2M M2U for tests: slots, calls as Talk2M makes them, and a journal in memory."""

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from engage_server.links.ingress.call import Answer, Call
from engage_server.links.ingress.parts import Parts
from engage_server.links.journal.copied_tables import FileTables
from engage_server.links.m2u.slot_keys import read_slot
from engage_server.links.m2u.slots import SlotDesk
from engage_server.links.registry.links_file import Link
from engage_server.links.registry.table import Where
from engage_server.records import PathEvent

AT = datetime(2026, 11, 26, 2, 30, tzinfo=UTC)
LOGIN = "plant:correct horse"
GENUINE = (("x_talk2m_account", "acme"), ("x_talk2m_device", "ewon-1"), ("x_talk2m_serialnumber", "1532-0017-21"))
ACCOUNTS: Mapping[str, Sequence[str]] = {"acme": ["ewon-1", "ewon-2"], "other": []}


class MemoryJournal:
    """Keeps events in a list, or refuses them."""

    def __init__(self) -> None:
        self.events: list[PathEvent] = []
        self.is_full = False

    def record(self, events: Sequence[PathEvent]) -> bool:
        """Keep them."""
        if not self.is_full:
            self.events += events
        return not self.is_full

    @property
    def kinds(self) -> list[str]:
        """What happened."""
        return [event.kind for event in self.events]


class Slots:
    """A desk with one slot.

    Args:
        folder: For the files of secrets, and ``data/links``.
        keys: Of the slot, besides its name, login and accounts.
    """

    def __init__(self, folder: Path, **keys: object) -> None:
        self.folder = folder
        self.journal = MemoryJournal()
        if "logins_file" not in keys:
            secret_file(folder / "plant.login", LOGIN)
            keys = {"login_file": "plant.login", **keys}
        keys = {"slot": "plant", "accounts": ACCOUNTS, **keys}
        self.slot = read_slot(Link("plant", "plant", "m2u", None, keys, Where(folder / "links.toml", "links.plant")))
        self.desk = self.worker()

    def worker(self) -> SlotDesk:
        """The desk of another worker of the same host."""
        return SlotDesk([self.slot], Parts(self.journal, FileTables(self.folder, None), self.folder))

    def answer(self, call: Call, slot: str = "plant") -> Answer:
        """What the caller gets."""
        return self.desk.answer(call, {"slot": slot})

    def status(self, call: Call, slot: str = "plant") -> int:
        """The status of that."""
        return self.answer(call, slot).status


def secret_file(path: Path, text: str) -> Path:
    """A file that only its owner can read."""
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


def basic(login: str = LOGIN) -> tuple[str, str]:
    """The field of a login."""
    return "authorization", f"Basic {base64.b64encode(login.encode()).decode()}"


def m2u_call(
    *fields: tuple[str, str],
    body: bytes = b"",
    query: str = "",
    method: str = "POST",
    client_certificate: bytes | None = None,
) -> Call:
    """A call; without fields, a genuine one with a right login."""
    return Call(
        method=method,
        path="/m2u/plant",
        query=query,
        fields=fields or (basic(), *GENUINE),
        body=body,
        address="192.0.2.9",
        host="links.example.org",
        secure=True,
        client_certificate=client_certificate,
        at=AT,
    )
