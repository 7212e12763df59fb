"""Accounts of tests: tables of links.toml that lead to a peer on this machine."""

from pathlib import Path

from engage_server.links.registry.links_file import LinksFile, read_links_file
from engage_server.links.sim.accounts import read_accounts
from engage_server.links.sim.client.account import ContractAccount
from engage_server.links.sim.client.clocks import Clocks
from engage_server.links.sim.client.opening import opened
from tests.support.sim.prism import CONTRACT, MAP

CLIENT_SECRET = "canary: secret/of the client"
ICCID = "8931440000000000001"


class Hours:
    """A clock that only moves when somebody sleeps, or when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.slept.append(seconds)
        self.now += seconds

    def clocks(self) -> Clocks:
        """As the client wants them."""
        return Clocks(lambda: self.now, self.sleep, lambda: 0.5)


def links_file(
    folder: Path, url: str, *, contract: Path = CONTRACT, operator_map: Path = MAP, token_url: str = "", more: str = ""
) -> LinksFile:
    """Write links.toml with one account, ``jpu``, and the file of its secret."""
    secret = folder / "jpu.secret"
    secret.write_text(CLIENT_SECRET + "\n")
    secret.chmod(0o600)
    (folder / "links.toml").write_text(
        f'[sim.jpu]\ncontract_file = "{contract}"\nmap_file = "{operator_map}"\nbase_url = "{url}"\n'
        f'token_url = "{token_url or url + "/oauth/token"}"\nclient_id = "doors"\n'
        f'client_secret_file = "jpu.secret"\n{more}\n'
    )
    return read_links_file(folder / "links.toml", "127.0.0.1", 8444)


def account_at(folder: Path, url: str, hours: Hours | None = None, **options: object) -> ContractAccount:
    """Open an account at a peer."""
    file = links_file(folder, url, **options)  # type: ignore[arg-type]
    return opened(read_accounts(file)["jpu"], hours.clocks() if hours is not None else None)
