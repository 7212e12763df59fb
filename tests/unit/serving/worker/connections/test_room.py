"""Whose handshake is computed next."""

import socket
from collections import Counter

from engage_server.serving.worker.connections.connection import Connection
from engage_server.serving.worker.connections.room import in_turns


def test_one_of_each_address_before_the_second_of_any() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        crowd = [Connection(ours, "192.0.2.66", 0.0) for _ in range(500)]
        few = [Connection(ours, "192.0.2.7", 0.0) for _ in range(2)]
        chosen = in_turns([*crowd, *few], 8)
        assert Counter(each.address for each in chosen) == {"192.0.2.66": 6, "192.0.2.7": 2}
        assert chosen[0] is crowd[0], "who came first of its address"
        assert in_turns(few, 8) == few, "nobody is left out while there is time for all"
