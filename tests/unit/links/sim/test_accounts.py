"""The tables of accounts, and the links that their SIMs carry."""

from pathlib import Path

import pytest

from engage_server.errors import NotFound, SettingsInvalid
from engage_server.links.registry.links_file import LinksFile, read_links_file
from engage_server.links.sim.accounts import open_account, read_accounts, read_sim_links

ACCOUNT = """
[sim.jpu]
contract_file = "contract.json"
map_file = "map.toml"
base_url = "https://api.example.net/v1/"
token_url = "https://api.example.net/oauth/token"
client_id = "doors"
client_secret_file = "jpu.secret"
poll_every_minutes = 15
"""
LINK = """
[links.depot-sim]
site = "depot"
partner = "sim"
account = "jpu"
things = ["8931440000000000001"]
"""


def _read(folder: Path, text: str) -> LinksFile:
    (folder / "links.toml").write_text(text)
    return read_links_file(folder / "links.toml", "127.0.0.1", 8444)


def test_an_account_is_read(tmp_path: Path) -> None:
    account = read_accounts(_read(tmp_path, ACCOUNT))["jpu"]
    assert account.base_url == "https://api.example.net/v1"
    assert account.map_file == tmp_path / "map.toml"
    assert account.client_secret_file == tmp_path / "jpu.secret"
    assert (account.poll_every_minutes, account.timeout_seconds) == (15, 30)


def test_a_profile_is_a_map_that_we_ship(tmp_path: Path) -> None:
    account = read_accounts(_read(tmp_path, ACCOUNT.replace('map_file = "map.toml"', 'profile = "emnify"')))["jpu"]
    assert account.map_file.name == "emnify.toml"
    assert account.contract_file == tmp_path / "contract.json"


def test_a_link_names_its_sims(tmp_path: Path) -> None:
    (link,) = read_sim_links(_read(tmp_path, ACCOUNT + LINK))
    assert (link.link, link.site, link.account) == ("depot-sim", "depot", "jpu")
    assert (link.things, link.group, link.tag) == (("8931440000000000001",), "", "")


@pytest.mark.parametrize("which", ['group = "doors"', 'tag = "north"'])
def test_or_a_group_or_a_tag(tmp_path: Path, which: str) -> None:
    (link,) = read_sim_links(_read(tmp_path, ACCOUNT + LINK.replace('things = ["8931440000000000001"]', which)))
    assert f'{"group" if link.group else "tag"} = "{link.group or link.tag}"' == which
    assert link.things == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('map_file = "map.toml"', "", "either a profile or a map_file"),
        ('map_file = "map.toml"', 'map_file = "map.toml"\nprofile = "emnify"', "either a profile or a map_file"),
        ('map_file = "map.toml"', 'profile = "emnifi"', "Did you mean emnify?"),
        ("https://api.example.net/v1/", "http://api.example.net/v1/", "in clear text"),
        ("https://api.example.net/oauth/token", "http://10.0.0.5/oauth/token", "in clear text"),
        ("https://api.example.net/v1/", "https://me:secret-word@api.example.net/", "a user name"),
        ("https://api.example.net/v1/", "https://api.example.net/?key=secret-word", "it has a query"),
        ("https://api.example.net/v1/", "https://[::1/", "not an address"),
        ("https://api.example.net/v1/", "ftp://api.example.net", "it must be an address"),
        ("poll_every_minutes = 15", "poll_every_minutes = 0", "from 1 to 1440"),
        ("poll_every_minutes = 15", "pol_every_minutes = 15", "Did you mean poll_every_minutes?"),
    ],
)
def test_what_an_account_may_not_have(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"\[sim\.jpu\]") as refused:
        read_accounts(_read(tmp_path, ACCOUNT.replace(old, new)))
    assert said in refused.value.sentence
    assert "secret-word" not in refused.value.sentence + refused.value.next_step


@pytest.mark.parametrize("url", ["http://127.0.0.1:4010/v1", "http://[::1]:4010", "http://localhost:4010"])
def test_plain_http_to_this_machine_is_allowed(tmp_path: Path, url: str) -> None:
    file = _read(tmp_path, ACCOUNT.replace("https://api.example.net/v1/", url))
    assert read_accounts(file)["jpu"].base_url == url


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('account = "jpu"', 'account = "jpi"', "Did you mean jpu?"),
        ('account = "jpu"', "", "the key account is missing"),
        ('things = ["8931440000000000001"]', "", "exactly one of things, group and tag"),
        ('things = ["8931440000000000001"]', 'group = "a"\ntag = "b"', "exactly one of things, group and tag"),
        ('["8931440000000000001"]', '["1", "1"]', "stands there twice"),
        ('["8931440000000000001"]', '["one two"]', "without spaces"),
    ],
)
def test_what_a_link_may_not_have(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"\[links\.depot-sim\]") as refused:
        read_sim_links(_read(tmp_path, ACCOUNT + LINK.replace(old, new)))
    assert said in refused.value.sentence


def test_an_account_that_is_not_there_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="Did you mean jpu") as missing:
        open_account(_read(tmp_path, ACCOUNT), "jup")
    assert missing.value.code == "sim_account.not_found"


def test_the_tables_of_accounts_are_no_part_of_other_links(tmp_path: Path) -> None:
    """The control: a file without accounts is what it was."""
    file = _read(tmp_path, LINK.replace('"sim"', '"kpn"').replace('account = "jpu"\n', ""))
    assert read_accounts(file) == {}
    assert read_sim_links(file) == []
