"""What is missing is answered with the command that lists what there is."""

from pathlib import Path

import pytest

from tests.support.commands import engage
from tests.support.sim.memory import MemoryAccount, iccid


@pytest.mark.parametrize(
    ("arguments", "next_step"),
    [
        (("nat", "add"), "sim list --what networks"),
        (("nat", "add", "--network", "net-1", "--outside-port", "1", "--inside-port", "1"), "sim list"),
        (("nat", "remove", "--network", "net-1"), "sim nat list --network ID"),
        (("rule", "add"), "sim list --what profiles"),
        (("rule", "list"), "sim list --what profiles"),
        (("rule", "list", "fw-9"), "It has fw-1, fw-2. List them: "),
        (("rule", "remove", "fw-1"), "sim rule list PROFILE"),
        (("ipsec", "list"), "sim list --what networks"),
        (("ipsec", "list", "--network", "net-9"), "It has net-1."),
        (("ipsec", "remove", "--network", "net-1"), "sim ipsec list --network ID"),
        (("route", "list"), "sim list --what networks"),
        (("route", "remove", "--network", "net-1"), "sim route list --network ID"),
        (("sms", "send", "--text-file", "links.toml"), "sim list"),
        (("lock-address",), "sim list"),
        (("show",), "sim list"),
        (("set", "--to", "ACTIVE"), "sim list"),
        (("list", "--site", "nope"), "Sites that it has: main."),
        (("show", "--site", "nord"), "Sites that it has: main."),
        (("sms", "send", iccid(1), "--text-file", "links.toml"), "--yes"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_an_error_leads_on(
    sim_folder: Path, account: MemoryAccount, arguments: tuple[str, ...], next_step: str
) -> None:
    done = engage(sim_folder, "sim", *arguments)
    assert done.returncode == (1 if next_step == "--yes" else 2)
    _, _, after = done.stderr.partition("next:")
    assert next_step in " ".join(after.split())
    assert account.writes == []


@pytest.mark.parametrize("what", ["groups", "networks", "profiles", "users"])
def test_a_list_leads_on(sim_folder: Path, account: MemoryAccount, what: str) -> None:
    assert "next: " in engage(sim_folder, "sim", "list", "--what", what).stdout
