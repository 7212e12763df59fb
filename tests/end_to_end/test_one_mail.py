"""Two nodes in two processes, and one that is killed at each write: one morning mail at a real mail server."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from engage_server.records import AuditAction, ChannelKind, OutboxState, Recipient
from tests.support import alert_node
from tests.support.chains import NOW
from tests.support.forking import Forked
from tests.support.lengths import examples
from tests.support.ports import free_ports
from tests.support.world import World, serving

MORNING = datetime.combine(NOW.date(), datetime.min.time(), NOW.tzinfo) + timedelta(days=7, hours=6, minutes=31)
WRITES = 4  # the mail with its morning, the claim, the hand-over, the end


class Inbox:
    """What arrived."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  # its peer's word
        """Keep a mail."""
        self.mails.append(envelope.content)
        return "250 kept"


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """A mail server on this machine."""
    found = Inbox()
    (port,) = free_ports(1)
    controller = Controller(found, hostname="127.0.0.1", port=port)
    controller.start()
    found.port = port  # type: ignore[attr-defined]
    yield found
    controller.stop()


@pytest.fixture
def world(tmp_path: Path, inbox: Inbox) -> Iterator[Path]:
    """An installation with one recipient; nobody has it open."""
    folder = tmp_path / "world"
    folder.mkdir()
    terms = {
        "to": "care@example.org",
        "from": "engage@example.org",
        "server": f"127.0.0.1:{inbox.port}",  # type: ignore[attr-defined]
        "encryption": "none",
    }
    recipient = Recipient("caretakers", ChannelKind.MAIL, terms, None, (), NOW - timedelta(days=1))
    with serving(folder) as made:
        made.store.add_recipient(replace(recipient), None, made.occasion.event(AuditAction.SITE_CHANGED))
    yield folder


def start(folder: Path, when: str = "never", at: int = 0) -> Forked:
    """Start a node."""
    return Forked(alert_node.main, folder, MORNING, when, at)


def end(node: Forked) -> int:
    """Wait for a node. Return how many writes it made."""
    status, output = node.wait()
    assert status == 0, output
    return int(output.rpartition("writes: ")[2])


def states(folder: Path) -> list[OutboxState]:
    """The states of what lies in the outbox."""
    with World(folder) as world:
        return [each.state for each in world.store.outbox(9)]


def test_two_nodes_at_once_send_one_mail(world: Path, inbox: Inbox) -> None:
    nodes = [start(world), start(world)]
    writes = sum(map(end, nodes))
    assert len(inbox.mails) == 1
    assert b"Subject: main: no door at risk" in inbox.mails[0]
    assert states(world) == [OutboxState.SENT]
    assert WRITES <= writes <= 2 * WRITES


@pytest.mark.long("test_two_nodes_at_once_send_one_mail; unit/services/alerts/test_dispatch.py loses claims")
def test_kill_9_at_every_write_is_one_mail(world: Path, inbox: Inbox, tmp_path: Path) -> None:
    """After the hand-over, nobody knows whether the mail has arrived: then it is unsure, and there is at most one.

    CI tries the hand-over and the end, where that can go wrong; a campaign each write.
    """
    alone = tmp_path / "alone"
    shutil.copytree(world, alone)
    assert end(start(alone)) == WRITES, "each of these is tried"
    inbox.mails.clear()
    for at, when in product(range(examples(all=3, quick=3, campaign=1), WRITES + 1), ("before", "after")):
        folder = tmp_path / f"{when}{at}"
        shutil.copytree(world, folder)
        status, output = start(folder, when, at).wait()
        assert status == -9, f"{when} write {at}: {output}"
        for node in [start(folder), start(folder)]:
            end(node)
        is_unsure = (when, at) in (("after", 3), ("before", 4))
        assert states(folder) == [OutboxState.UNSURE if is_unsure else OutboxState.SENT], f"{when} write {at}"
        assert len(inbox.mails) == ((when, at) != ("after", 3)), f"{when} write {at}"
        inbox.mails.clear()
