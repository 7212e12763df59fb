"""The whole file: what it may hold, and which contradictions stop the start."""

from pathlib import Path

import pytest

from engage_server.errors import SettingsInvalid
from engage_server.links.registry.links_file import LinksFile, read_links_file
from engage_server.pki.encodings import pem
from tests.support.chains import good_chain

HOST = """
[hosts."{name}"]
certificate_file = "{stem}.pem"
key_file = "{stem}.key"
"""
WHOLE = """
[hosts."links.example.org"]
certificate_file = "links.pem"
key_file = "links.key"
serves = ["kpn", "m2u", "telekom-pe"]
client_certificates = "optional"
client_ca_file = "m2u-ca.pem"

[hosts.ta]
name = "Links.Example.org"
port = 8443
certificate_file = "ta.pem"
key_file = "ta.key"
serves = ["telekom-ta"]

[plain.apn]
bind = "10.20.0.5"
port = 80
serves = ["kpn-ingestion"]
networks = ["10.151.0.0/16"]

[links.depot-kpn]
site = "depot"
partner = "kpn"
expects_every_minutes = 60
destination = "doors"
secret_file = "kpn-doors.secret"

[links.plant]
site = "plant"
partner = "m2u"
slot = "plant"

[telekom]
sender_id_file = "k.secret"
"""
PLAIN = '[plain.{name}]\nbind = "{bind}"\nport = {port}\nserves = ["kpn-ingestion"]\nnetworks = ["10.0.0.0/8"]\n'
LINK = '[links.{name}]\nsite = "plant"\npartner = "{partner}"\n{rest}\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of two keys; a third file has the first key again."""
    folder = tmp_path_factory.mktemp("links")
    for stem in ("links", "ta"):
        (folder / f"{stem}.pem").write_bytes(pem([good_chain(stem).chain.server]))
    (folder / "again.pem").write_bytes((folder / "links.pem").read_bytes())
    return folder


def read(folder: Path, text: str) -> LinksFile:
    file = folder / "links.toml"
    file.write_text(text)
    return read_links_file(file, "0.0.0.0", 443)


def refused(folder: Path, text: str) -> SettingsInvalid:
    with pytest.raises(SettingsInvalid) as caught:
        read(folder, text)
    assert caught.value.sentence.startswith(str(folder / "links.toml"))
    assert caught.value.next_step
    return caught.value


def host(name: str, serves: str, *more: str, stem: str = "links") -> str:
    return HOST.format(name=name, stem=stem) + f"serves = {serves}\n" + "\n".join(more) + "\n"


def test_the_whole_file_is_read(folder: Path) -> None:
    found = read(folder, WHOLE)
    first, ta = found.hosts.values()
    assert (first.table, first.name, first.bind, first.port) == (
        "links.example.org",
        "links.example.org",
        "0.0.0.0",
        443,
    )
    assert first.key_file == folder / "links.key"
    assert first.client_ca_file == folder / "m2u-ca.pem"
    assert (ta.table, ta.name, ta.port, ta.client_certificates) == ("ta", "links.example.org", 8443, "none")
    assert found.plain["apn"].port == 80
    (kpn,) = found.of_partner("kpn")
    assert (kpn.name, kpn.site, kpn.expects_every_minutes) == ("depot-kpn", "depot", 60.0)
    assert dict(kpn.rest) == {"destination": "doors", "secret_file": "kpn-doors.secret"}
    assert kpn.where.table == "links.depot-kpn"
    assert found.telekom == {"sender_id_file": "k.secret"}


def test_an_empty_file_has_nothing(folder: Path) -> None:
    assert not read(folder, "").hosts


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        read_links_file(tmp_path / "links.toml", "0.0.0.0", 443)
    assert "cannot read it: No such file" in caught.value.sentence
    assert "links_file" in caught.value.next_step


WRONG = [
    ("[host.x]\n", "there is no table [host]. Did you mean hosts?"),
    ("hosts = 1\n", "[hosts]: it must be a table of tables"),
    ("telekom = 1\n", "telekom must be a table"),
    ("[links]\nx = 1\n", "[links]: x: it must be a table"),
    ("[links.'a b']\n", '[links."a b"]: the name cannot be used'),
    ("[links.x", "it is not TOML"),
    (host("a.example", "[]"), "serves: it serves nothing"),
    (host("a.example", '["m2m"]'), "serves: it must be one of: kpn, kpn-ingestion, m2u"),
    (host("a.example", '["m2u", "m2u"]'), "serves: m2u stands there twice"),
    (host("a.example", '["m2u"]', "port = 0"), "port: it must be a number from 1 to 65535"),
    (host("a.example", '["m2u"]', 'bind = "lan"'), "bind: it is not an IP address"),
    (host("a.example", '["m2u"]', 'name = "a b"'), "name: it must be a host name"),
    (host("a.example", '["m2u"]', 'client_certificates = "optional"'), "nothing says whose"),
    (host("a.example", '["m2u"]', 'client_ca_file = "ca.pem"'), "client_ca_file: it is never used"),
    (
        host("a.example", '["m2u"]') + host("b.example", '["m2u"]', 'name = "A.example"'),
        '[hosts."b.example"]: name: [hosts."a.example"] has the same name and port',
    ),
    (
        host("apn", '["m2u"]') + PLAIN.format(name="apn", bind="10.0.0.1", port=80),
        "[plain.apn]: [hosts.apn] has the same name",
    ),
    (
        PLAIN.format(name="a", bind="10.0.0.1", port=80) + PLAIN.format(name="b", bind="10.0.0.1", port=80),
        "[plain.b]: port: [plain.a] listens there already",
    ),
    (
        host("a.example", '["m2u"]') + PLAIN.format(name="b", bind="10.0.0.1", port=443),
        '[plain.b]: port: [hosts."a.example"] listens on 0.0.0.0 port 443, so 10.0.0.1 port 443 is not free',
    ),
    (
        host("a.example", '["m2u"]') + host("b.example", '["m2u"]', 'bind = "10.0.0.1"'),
        "listens on 0.0.0.0 port 443, so 10.0.0.1 port 443 is not free",
    ),
    (PLAIN.format(name="a", bind="8.8.8.8", port=80), "bind: 8.8.8.8 is not a private address"),
    (PLAIN.format(name="a", bind="0.0.0.0", port=80), "bind: 0.0.0.0 is not a private address"),
    (PLAIN.format(name="a", bind="::", port=80), "bind: :: is not a private address"),
    (PLAIN.format(name="a", bind="::ffff:8.8.8.8", port=80), "is not a private address"),
    (PLAIN.format(name="a", bind="10.0.0.1", port=80).replace("kpn-ingestion", "m2u"), "m2u is served in TLS only"),
    (PLAIN.format(name="a", bind="10.0.0.1", port=80).replace('"10.0.0.0/8"', ""), "networks: it must name a network"),
    (host("a.example", '["telekom-ta", "telekom-pe"]'), "serves both telekom-ta and telekom-pe"),
    (
        host("a.example", '["telekom-ta"]', 'bind = "10.0.0.1"')
        + host("b.example", '["telekom-pe"]', 'bind = "10.0.0.2"', 'name = "a.example"', stem="ta"),
        "serves telekom-ta under the same name and port",
    ),
    (
        host("a.example", '["telekom-ta"]') + host("b.example", '["telekom-pe"]', stem="again"),
        'key_file: [hosts."a.example"] serves telekom-ta with the same private key',
    ),
    (
        host("a.example", '["telekom-ta"]') + host("b.example", '["telekom-pe"]', stem="missing"),
        "certificate_file: ",
    ),
    (LINK.format(name="x", partner="kpm", rest=""), "must be one of: kpn, m2u, telekom, sim. Did you mean kpn?"),
    ('[links.x]\npartner = "kpn"\n', "[links.x]: the key site is missing"),
    (LINK.format(name="x", partner="kpn", rest="expects_every_minutes = 0"), "it must be a number from 1"),
    (
        LINK.format(name="x", partner="m2u", rest='slot = "a"')
        + LINK.format(name="y", partner="m2u", rest='slot = "a"'),
        "[links.y]: slot: [links.x] has the same slot: a",
    ),
    (
        LINK.format(name="x", partner="kpn", rest='destination = "a"')
        + LINK.format(name="y", partner="kpn", rest='destination = "a"'),
        "[links.y]: destination: [links.x] has the same destination: a",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), WRONG, ids=[each[1][:50] for each in WRONG])
def test_a_contradiction_stops_the_start(folder: Path, text: str, sentence: str) -> None:
    assert sentence in refused(folder, text).sentence


RIGHT = [
    host("a.example", '["telekom-ta"]') + host("b.example", '["telekom-pe"]', stem="ta"),
    host("a.example", '["m2u"]', 'bind = "10.0.0.1"') + host("b.example", '["m2u"]', 'bind = "10.0.0.2"'),
    host("a.example", '["m2u"]') + PLAIN.format(name="b", bind="10.0.0.1", port=80),
    PLAIN.format(name="a", bind="fd00::1", port=80) + PLAIN.format(name="b", bind="100.64.0.1", port=80),
    LINK.format(name="x", partner="m2u", rest='slot = "a"')
    + LINK.format(name="y", partner="kpn", rest='destination = "a"'),
]


@pytest.mark.parametrize("text", RIGHT, ids=range(len(RIGHT)))
def test_what_only_looks_like_one_does_not(folder: Path, text: str) -> None:
    assert read(folder, text).where.file == folder / "links.toml"
