"""The firewall of a site, in the kernel: what ``engage link policy`` prints lets doors through, and nothing else."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engage_server.protocol.site_key import write_site_key
from tests.support.chains import SITE_KEY
from tests.support.commands import ENGAGE, clean_environment, engage, ok
from tests.support.running import eventually
from tests.support.site_network import DOOR, DOOR6, DOORS_INTERFACE, SERVER, SERVER6, SiteNetwork, site_network

HOSTS = (SERVER, SERVER6, "locks.example.org")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation whose doors call the server of the network by address, and another one by name."""
    folder = tmp_path_factory.mktemp("firewall")
    (folder / "site.key").write_bytes(write_site_key(SITE_KEY))
    hosts = [text for host in HOSTS for text in ("--host", host)]
    ok(engage(folder, "init", *hosts, "--site-key-file", "site.key", "--trials"))
    return folder


@pytest.fixture(scope="module")
def network() -> Iterator[SiteNetwork]:
    """The network, with servers on some ports of both ends."""
    with site_network() as network, network.server.listening(8080), network.doors.listening(80, 443):
        yield network


@pytest.fixture
def router_rules(folder: Path, network: SiteNetwork) -> Iterator[str]:
    """The rules, loaded into the router; gone at the end."""
    rules = ok(engage(folder, "link", "policy", "--format", "nftables", "--door-interface", DOORS_INTERFACE))
    network.router.done("nft", "-c", "-f", "-", stdin=rules)
    network.router.done("nft", "-f", "-", stdin=rules)
    yield rules
    network.router.done("nft", "flush", "ruleset")


def test_without_rules_everything_gets_through(network: SiteNetwork) -> None:
    """The negative control: it is the rules that stop what they stop."""
    assert network.doors.reaches(SERVER, 8080)
    assert network.doors.reaches(SERVER6, 8080)
    assert network.server.reaches(DOOR, 80)
    assert network.server.reaches(DOOR6, 443)


@pytest.mark.usefixtures("router_rules")
def test_only_what_doors_need_gets_through(network: SiteNetwork) -> None:
    with network.server.listening(80, 443):
        for host in (SERVER, SERVER6):
            network.doors.done("ip", "neigh", "flush", "all")  # neighbours must be found anew, by IPv6 too
            assert network.doors.reaches(host, 80)
            assert network.doors.reaches(host, 443)
            assert not network.doors.reaches(host, 8080)
            # an ICMP error that belongs to a question: a packet that is too big is answered in the same way
            assert network.doors.refused_by_udp(host, 53)
            assert not network.doors.refused_by_udp(host, 54)
        assert not network.server.reaches(DOOR, 80)
        assert not network.server.reaches(DOOR6, 443)
    counters = network.router.done("nft", "list", "counters")
    assert counters.count("packets 0") == 0, counters


def test_a_second_load_keeps_filled_names_and_other_tables(router_rules: str, network: SiteNetwork) -> None:
    router = network.router
    router.done("nft", "-f", "-", stdin="table inet other {\n chain stays {\n }\n}\n")
    router.done("nft", "add", "element", "inet", "engage_main", "name1_4", "{ 192.0.2.1 }")
    router.done("nft", "-f", "-", stdin=router_rules)
    after = router.done("nft", "list", "ruleset")
    assert "chain stays" in after
    assert "192.0.2.1" in after
    assert after.count("jump from_doors") == 1
    assert after.count("dport 443 accept") == router_rules.count("dport 443 accept")


def test_other_traffic_of_the_router_is_left_alone_if_the_doors_are_named(folder: Path, network: SiteNetwork) -> None:
    others = ok(engage(folder, "link", "policy", "--format", "nftables", "--door-interface", "elsewhere"))
    by_network = ok(engage(folder, "link", "policy", "--format", "nftables", "--door-network", "10.77.1.0/24"))
    everything = ok(engage(folder, "link", "policy", "--format", "nftables"))
    passes = {}
    for name, rules in (("others", others), ("by network", by_network), ("everything", everything)):
        network.router.done("nft", "-f", "-", stdin=rules)
        passes[name] = network.doors.reaches(SERVER, 8080)
        network.router.done("nft", "flush", "ruleset")
    assert passes == {"others": True, "by network": False, "everything": False}


@pytest.mark.long("test_only_what_doors_need_gets_through")
@pytest.mark.usefixtures("router_rules")
def test_a_virtual_lock_gets_through_to_a_real_pair(folder: Path, network: SiteNetwork) -> None:
    with (folder / "serve.log").open("w+") as log:
        serving = subprocess.Popen(
            network.server.command(ENGAGE, "serve", "--bind", "::", "--workers", "1"),
            cwd=folder,
            env=clean_environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            printed = Path(log.name)
            eventually(lambda: "lock fetch" in printed.read_text() or serving.poll() is not None, "ready")
            for host in (SERVER, f"[{SERVER6}]"):
                fetch = (ENGAGE, "lock", "fetch", f"http://{host}", "--site-key-file", str(folder / "site.key"))
                assert network.doors.run(*fetch).returncode == 0
                network.router.done("nft", "-f", "-", stdin=_without(443))
                refused = network.doors.run(*fetch, "--timeout", "2")
                assert refused.returncode == 3, refused.stdout
                assert ":443: no answer" in refused.stderr
                network.router.done("nft", "delete", "table", "inet", "blocks")
        finally:
            serving.terminate()
            serving.wait(60)


def _without(port: int) -> str:
    """The negative control of the virtual lock: another table drops what this one allows."""
    return (
        "table inet blocks {\n chain forward {\n type filter hook forward priority 10; policy accept;\n"
        f" tcp dport {port} drop\n }}\n}}\n"
    )
