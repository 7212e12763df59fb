"""Ports for servers of tests: no two processes are given the same one."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from tests.support.ports import Ports, free_ports

_MANY = 450  # of more than two blocks
_ASK = f"from tests.support.ports import free_ports\nprint(*free_ports({_MANY}), flush=True)\ninput()"


@contextmanager
def other_process() -> Iterator[set[int]]:
    """The ports that another run was given, as long as it lives."""
    asking = subprocess.Popen([sys.executable, "-c", _ASK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert asking.stdout is not None
        yield set(map(int, asking.stdout.readline().split()))
    finally:
        asking.kill()
        asking.communicate()


def test_several_at_once_share_none() -> None:
    with other_process() as one, other_process() as two:
        mine = set(free_ports(_MANY))
        assert len(one) == len(two) == len(mine) == _MANY
        assert not one & two | one & mine | two & mine


def test_ports_that_were_given_back_are_given_again() -> None:
    for _ in range(100):  # each with three blocks, of eighty
        with closing(Ports()) as ports:
            assert len({ports.take() for _ in range(_MANY)}) == _MANY


@pytest.fixture
def ports() -> Iterator[Ports]:
    with closing(Ports()) as made:
        yield made


def test_a_fork_is_given_others_than_its_parent(ports: Ports) -> None:
    before = ports.take()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, str(ports.take()).encode())
        signal.pause()
    theirs = int(os.read(reading, 10))
    mine = {before, *(ports.take() for _ in range(300))}
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    for end in (reading, writing):
        os.close(end)
    assert theirs not in mine


def test_what_somebody_listens_on_is_passed_over(ports: Ports) -> None:
    first = ports.take()
    with socket.create_server(("127.0.0.1", first + 1)):
        assert ports.take() == first + 2
