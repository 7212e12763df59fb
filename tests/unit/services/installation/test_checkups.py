"""What ``engage doctor`` looks at, each well and not."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from engage_server.records import Host, Site
from engage_server.services.installation.checkup import Check, Level, worst
from engage_server.services.installation.clock_checkup import look_at_clock
from engage_server.services.installation.file_checkup import look_at_authority, look_at_files
from engage_server.services.installation.network_checkup import (
    PortUse,
    is_own,
    look_at_names,
    look_at_operators,
    look_at_operators_hosts,
    look_at_ports,
)
from tests.support.chains import NOW, Recipe
from tests.support.hosts import serving
from tests.support.ports import free_port
from tests.support.world import World

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of somebody else")


def levels(checks: list[Check]) -> list[str]:
    return [str(each.level) for each in checks]


def test_the_worst_counts() -> None:
    ok, warning, problem = (Check("x", level, "") for level in Level)
    assert worst([]) is worst([ok]) is Level.OK
    assert worst([ok, warning]) is Level.WARNING
    assert worst([problem, warning, ok]) is Level.PROBLEM


class TestFiles:
    @pytest.fixture
    def data(self, tmp_path: Path) -> Path:
        data = tmp_path / "data"
        (data / "main").mkdir(parents=True, mode=0o700)
        data.chmod(0o700)
        (data / "main" / "x.json").touch()
        return data

    def test_well(self, data: Path) -> None:
        assert levels(look_at_files(data, [data / "not there"])) == ["ok"]

    def test_gone(self, tmp_path: Path) -> None:
        assert levels(look_at_files(tmp_path / "data", [])) == ["problem"]

    @needs_root
    def test_of_somebody_else(self, data: Path) -> None:
        os.chown(data, 65534, 65534)
        (found,) = look_at_files(data, [])
        assert found.level is Level.PROBLEM
        assert "is root, not nobody" in found.sentence
        assert found.next_step == f"chown -R nobody: {data}"

    @pytest.mark.parametrize(("mode", "level"), [(0o600, "ok"), (0o640, "warning"), (0o604, "warning")])
    def test_open_to_others(self, data: Path, mode: int, level: str) -> None:
        key = data.parent / "engage.kek"
        key.touch()
        key.chmod(mode)
        (found,) = look_at_files(data, [key])
        assert str(found.level) == level
        assert level == "ok" or found.next_step == f"chmod 600 {key}"

    def test_a_folder_open_to_others(self, data: Path) -> None:
        data.chmod(0o755)
        (found,) = look_at_files(data, [])
        assert (found.level, found.next_step) == (Level.WARNING, f"chmod 700 {data}")

    def test_keys_of_the_authority(self, tmp_path: Path) -> None:
        assert levels(look_at_authority(tmp_path)) == ["ok"]
        for folder in ("main", "main-2027/next"):
            (tmp_path / folder).mkdir(parents=True)
            (tmp_path / folder / "partner_CA.key").touch()
            (tmp_path / folder / "partner_server.key").touch()
        (found,) = look_at_authority(tmp_path)
        assert found.level is Level.WARNING
        where = f"{tmp_path}/main, {tmp_path}/main-2027/next"
        assert found.sentence == f"keys of the authority are on this host: 2, in {where}"


class TestPorts:
    @pytest.fixture
    def taken(self) -> Iterator[int]:
        with closing(socket.socket()) as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            yield listening.getsockname()[1]

    @pytest.mark.parametrize("bind", ["0.0.0.0", "::", "127.0.0.1"])  # as the setting says it
    def test_ours_and_somebody_elses(self, taken: int, bind: str) -> None:
        use = [PortUse("http", bind, taken)]
        assert levels(look_at_ports(use, {"http": 2})) == ["ok"]
        (found,) = look_at_ports(use, {"https": 2})
        assert found.level is Level.PROBLEM
        assert "another program listens" in found.sentence
        assert f":{taken}" in found.next_step

    def test_without_the_database_nobody_knows_whose_it_is(self, taken: int) -> None:
        (found,) = look_at_ports([PortUse("http", "127.0.0.1", taken)], None)
        assert found.level is Level.WARNING
        assert "without the database it is not known" in found.sentence

    def test_workers_that_hang(self, taken: int) -> None:
        (found,) = look_at_ports([PortUse("http", "127.0.0.1", taken)], {}, {"http"})
        assert found.level is Level.PROBLEM
        assert "the workers of the plain instance no longer report" in found.sentence

    def test_free(self) -> None:
        (found,) = look_at_ports([PortUse("https", "127.0.0.1", free_port())], {})
        assert found.level is Level.PROBLEM
        assert "the TLS instance does not run" in found.sentence

    def test_free_while_ours_runs_on_another_port(self) -> None:
        (found,) = look_at_ports([PortUse("https", "127.0.0.1", free_port())], {"https": 2})
        assert found.level is Level.PROBLEM
        assert "it was started with another port" in found.sentence
        assert "engage doctor --https-port PORT" in found.next_step

    def test_operators_that_do_not_answer(self, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("engage_server.services.installation.network_checkup._SECONDS", 0.2)
        for port in (taken, free_port()):
            found = look_at_operators(PortUse("operators", "127.0.0.1", port), "localhost", None, has_tls=False)
            assert found.level is Level.PROBLEM
            assert "does not answer" in found.sentence

    @pytest.mark.parametrize(
        ("named", "ours", "level", "words"),
        [
            ("4711", [4711], "ok", "the operators' instance answers on port"),
            ("4711", None, "ok", "the operators' instance answers on port"),
            ("4711", [12], "problem", "but the operators' instance runs here: on another port"),
            ("4711", [], "problem", "another installation answers on port"),
            ("", [12], "problem", "or an earlier version answers on port"),
        ],
    )
    def test_operators_of_another_installation(
        self, named: str, ours: list[int] | None, level: str, words: str
    ) -> None:
        header = f"Engage-Process: {named}\r\n" if named else ""
        with serving(lambda _: lambda _: f"HTTP/1.1 200 OK\r\n{header}Content-Length: 2\r\n\r\n{{}}".encode()) as other:
            port = PortUse("operators", "127.0.0.1", other.port)
            found = look_at_operators(port, "localhost", ours, has_tls=False)
        assert (str(found.level), words in found.sentence) == (level, True), found
        assert level == "ok" or "--operators-port" in found.next_step

    def test_a_port_of_our_own_is_no_advice(self) -> None:
        with serving(lambda _: lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as other:
            use = PortUse("operators", "127.0.0.1", other.port)
            for devices, free in (([], 1), ([other.port + 1, other.port + 2], 3)):
                found = look_at_operators(use, "localhost", [], devices, has_tls=False)
                assert found.next_step.endswith(f"engage serve --operators-port {other.port + free}")

    def test_operators_on_another_port(self) -> None:
        found = look_at_operators(PortUse("operators", "127.0.0.1", free_port()), "localhost", [12], has_tls=False)
        assert "runs here: it was started with another port" in found.sentence
        assert "engage doctor --operators-port PORT. Or set operators_port in the settings file" in found.next_step

    def test_operators_with_other_hosts(self) -> None:
        """They are asked for a host of the settings, and say that it is none of theirs."""
        refusal = b"HTTP/1.1 421 Misdirected Request\r\nContent-Length: 2\r\n\r\n{}"
        with serving(lambda _: lambda _: refusal) as other:
            port = PortUse("operators", "127.0.0.1", other.port)
            found = look_at_operators(port, "engage.example.org", [4711], has_tls=False)
        assert "Host: engage.example.org\r\n" in other.requests[0]
        assert found.level is Level.PROBLEM
        assert "does not answer for engage.example.org" in found.sentence
        assert "kill -HUP" in found.next_step

    @pytest.mark.parametrize(
        ("hosts", "is_reached", "warned"),
        [
            ("localhost 127.0.0.1 ::1", True, True),
            ("localhost 127.0.0.1 ::1", False, False),
            ("localhost engage.example.org", True, False),
            ("10.44.0.1", True, False),
        ],
    )
    def test_operators_who_know_no_name_for_it(self, hosts: str, is_reached: bool, warned: bool) -> None:
        found = look_at_operators_hosts([*map(Host.parse, hosts.split())], is_reached_from_elsewhere=is_reached)
        assert levels(found) == (["warning"] if warned else [])


class TestNames:
    def look(self, world: World, *hosts: str) -> list[Check]:
        world.add_site("main", tuple(Host.parse(host) for host in hosts))
        sites: list[Site] = list(world.store.sites())
        return look_at_names(sites)

    def test_this_host(self, world: World) -> None:
        assert levels(self.look(world, "localhost", "127.0.0.1")) == ["ok", "ok"]

    def test_another_host(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("203.0.113.7", 0))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: answer)
        named, address = self.look(world, "locks.example.org", "203.0.113.8")
        assert levels([named, address]) == ["warning", "warning"], "it may be a NAT's"
        assert "locks.example.org (203.0.113.7) is not an address of this host" in named.sentence

    def test_a_name_that_nobody_knows(self, world: World) -> None:
        (found,) = self.look(world, "nowhere.invalid")
        assert found.level is Level.PROBLEM
        assert "nowhere.invalid is not known to DNS here" in found.sentence

    def test_own_addresses(self) -> None:
        assert is_own("127.0.0.1")
        assert not is_own("203.0.113.7")
        assert not is_own("no address")


class TestClock:
    def test_well(self) -> None:
        chain, _ = Recipe().build()
        assert levels(look_at_clock(NOW, NOW - timedelta(days=1), [("main", chain.server)])) == ["ok"]
        assert levels(look_at_clock(NOW, None, [])) == ["ok"]
        assert levels(look_at_clock(NOW, NOW + timedelta(minutes=4), [])) == ["ok"], "another host's may differ"

    def test_behind_what_was_written_down(self) -> None:
        (found,) = look_at_clock(NOW, NOW + timedelta(hours=1), [])
        assert found.level is Level.PROBLEM
        assert "the clock is behind" in found.sentence

    @pytest.mark.parametrize(("ahead", "said"), [(600.0, "600.0 s ahead of"), (-2.0, "2.0 s behind"), (0.9, "")])
    def test_against_the_database(self, ahead: float, said: str) -> None:
        (found,) = look_at_clock(NOW, None, [], ahead)
        assert (found.level is Level.WARNING, said in found.sentence) == (bool(said), True)

    def test_against_certificates(self) -> None:
        chain, _ = Recipe().build()
        before = chain.server.not_valid_before_utc - timedelta(days=1)
        after = chain.server.not_valid_after_utc + timedelta(days=1)
        for now, word in ((before, "is not valid before"), (after, "ended on")):
            (found,) = look_at_clock(now, None, [("main", chain.server)])
            assert found.level is Level.PROBLEM
            assert word in found.sentence
