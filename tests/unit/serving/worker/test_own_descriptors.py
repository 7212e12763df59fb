"""A worker's own descriptors: what one call of a turn removes, the same turn may still want to call."""

import logging
import select
import socket
from collections.abc import Iterator
from contextlib import closing
from ipaddress import ip_network

import pytest

from engage_server.protocol.proxy_protocol import SIGNATURE
from engage_server.serving.worker.connections.proxied import ProxiedClients
from engage_server.serving.worker.defects import Defects
from engage_server.serving.worker.own_descriptors import OwnDescriptors

LOCAL = SIGNATURE + b"\x20\x00\x00\x00"


@pytest.fixture
def own() -> Iterator[OwnDescriptors]:
    defects: list[None] = []
    with closing(select.epoll()) as epoll:
        yield OwnDescriptors(epoll, Defects(logging.getLogger("test"), lambda: defects.append(None)))
    assert defects == []


class Balancer:
    """What a balancer opens, and what becomes of it."""

    def __init__(self, own: OwnDescriptors, most: int, *, reads_on: bool = False) -> None:
        self.welcomed: list[tuple[str, str, bool, bytes]] = []
        self.refused: list[str] = []
        self.theirs: list[socket.socket] = []
        self.ours: list[socket.socket] = []
        self.clients = ProxiedClients(
            (ip_network("192.0.2.0/24"),),
            5.0,
            most,
            watch=own.add,
            forget=own.remove,
            welcome=lambda _socket, *how: self.welcomed.append(how),
            refused=self.refused.append,
            reads_on=reads_on,
        )

    def open(self, *content: bytes) -> int:
        ours, theirs = socket.socketpair()
        self.ours.append(ours)
        self.theirs.append(theirs)
        for each in content:
            theirs.sendall(each)
        self.clients.accept(ours, "192.0.2.1", 0.0)
        return ours.fileno()

    def close(self) -> None:
        for each in self.ours + self.theirs:
            each.close()


@pytest.fixture
def balancer(own: OwnDescriptors) -> Iterator[Balancer]:
    balancer = Balancer(own, 2)
    yield balancer
    balancer.close()


def test_what_a_turn_has_closed_is_not_called_in_it(own: OwnDescriptors, balancer: Balancer) -> None:
    """Three connections wait where two may. The first one's own bytes arrived in the same turn."""
    first = balancer.open(LOCAL[:3])
    balancer.open()
    balancer.theirs[0].sendall(LOCAL[3:])
    balancer.open()
    assert len(balancer.clients) == 2
    assert "no whole PROXY header" in balancer.refused[0]
    own.call(first)
    assert balancer.welcomed == []


def test_for_lack_of_descriptors_one_that_waits_for_its_header_is_closed_first(balancer: Balancer) -> None:
    assert not balancer.clients.give_up_one()
    balancer.open(), balancer.open()
    assert balancer.clients.give_up_one()
    assert balancer.ours[0].fileno() == -1
    assert len(balancer.clients) == 1


def test_a_balancers_own_connection_is_told_from_one_that_it_passes_on(balancer: Balancer) -> None:
    balancer.open(LOCAL)
    passed = SIGNATURE + b"\x21\x11\x00\x0c" + bytes((198, 51, 100, 7, 203, 0, 113, 9, 0, 1, 0, 2))
    balancer.open(passed)
    assert balancer.welcomed == [("192.0.2.1", "", True, b""), ("198.51.100.7", "203.0.113.9", False, b"")]


@pytest.mark.parametrize("cuts", [(), (5,), (16,), (20,), (28,), (30,), (3, 17, 29)], ids=str)
def test_what_follows_a_header_is_handed_on_with_it_where_it_may_be_read(
    own: OwnDescriptors, cuts: tuple[int, ...]
) -> None:
    """In one piece, which is nearly always, and in several."""
    whole = SIGNATURE + b"\x21\x11\x00\x0c" + bytes((198, 51, 100, 7, 203, 0, 113, 9, 0, 1, 0, 2)) + b"GET /"
    pieces = [whole[begin:end] for begin, end in zip((0, *cuts), (*cuts, len(whole)), strict=True)]
    for reads_on in (True, False):
        balancer = Balancer(own, 2, reads_on=reads_on)
        number = balancer.open(pieces[0])
        for piece in pieces[1:]:
            if not balancer.welcomed:
                balancer.theirs[0].sendall(piece)
                own.call(number)
        ((client, called, is_balancers, over),) = balancer.welcomed
        assert (client, called, is_balancers) == ("198.51.100.7", "203.0.113.9", False)
        if not reads_on:
            assert over == b"", "TLS reads from the connection itself"
            over = balancer.ours[0].recv(100, socket.MSG_DONTWAIT) if not cuts or cuts[-1] != 28 else b""
        assert b"GET /".startswith(over)
        balancer.close()


def test_a_balancer_that_is_gone_again_costs_nothing(own: OwnDescriptors) -> None:
    balancer = Balancer(own, 2, reads_on=True)
    ours, theirs = socket.socketpair()
    theirs.close()
    balancer.clients.accept(ours, "192.0.2.1", 0.0)
    assert (ours.fileno(), balancer.welcomed, balancer.refused, len(balancer.clients)) == (-1, [], [], 0)
