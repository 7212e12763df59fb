"""The memory of recent messages."""

from engage_server.links.kpn import recent_messages
from engage_server.links.kpn.recent_messages import RecentMessages


def test_a_key_is_new_once() -> None:
    recent = RecentMessages()
    assert not recent.holds("a")
    assert recent.add("a")
    assert recent.holds("a")
    assert not recent.add("a")


def test_it_has_an_end() -> None:
    recent, most = RecentMessages(), recent_messages._MOST
    for number in range(most + 1):
        recent.add(str(number))
    assert not recent.holds("0")
    assert recent.holds("1")
    assert recent.holds(str(most))
