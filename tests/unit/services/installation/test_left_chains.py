"""The chains of an earlier installation, when none of them can be served: what the message says leads on."""

from datetime import timedelta
from pathlib import Path

import pytest

from engage_server.errors import Refused
from engage_server.pki.issuing.authority import ChainPlan
from engage_server.records import Host
from engage_server.services.chains.building import build_chain_folder
from engage_server.services.installation.left_chains import choose_chain
from tests.support.chains import HOSTS, NOW

LATER = NOW + timedelta(days=4000)


@pytest.mark.parametrize("hosts", [HOSTS, ()])
def test_after_the_chain_is_built_the_command_goes_on(tmp_path: Path, hosts: tuple[Host, ...]) -> None:
    """Without hosts, only folders of the site's own name are searched: then the hosts must be given."""
    folder = tmp_path / "main"
    build_chain_folder(folder, ChainPlan(HOSTS), NOW)
    with pytest.raises(Refused) as refused:
        choose_chain(folder, hosts, LATER)
    options = " ".join(f"--host {host}" for host in HOSTS)
    again = "" if hosts else f" with {options}"
    build = f"engage chain build {tmp_path}/main-2 {options}"
    assert refused.value.next_step == f"Build a chain and repeat this command{again}: {build}"
    build_chain_folder(tmp_path / "main-2", ChainPlan(HOSTS), LATER)
    assert [each.folder.name for each in choose_chain(folder, HOSTS, LATER)] == ["main-2"]
    if not hosts:
        with pytest.raises(Refused):
            choose_chain(folder, (), LATER)
