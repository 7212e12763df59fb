"""KPN's own SenML library, and another one, agree with us about the values in a pack."""

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from engage_server.links.kpn.senml.reading import read_pack
from tests.support.chains import NOW
from tests.support.checkout import ROOT
from tests.support.kpn import bn
from tests.support.lengths import examples

_PYTHON = ROOT / ".venv" / "share" / "senml" / "bin" / "python"
_JUDGE = Path(__file__).parents[1] / "support" / "senml_judge.py"
_PACKS = examples(all=600, quick=200, campaign=2000)
_SHORT_OF_A_DOUBLE = 1e-9  # both add floats, in another order

pytestmark = pytest.mark.skipif(
    not _PYTHON.exists(), reason="KPN's SenML library is not installed: scripts/test does it"
)


def judged(tasks: list[dict[str, Any]]) -> list[Any]:
    """What the judge answers to each task."""
    lines = "".join(json.dumps(task) + "\n" for task in tasks)
    done = subprocess.run([_PYTHON, _JUDGE], input=lines, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def seeded(seed: int) -> random.Random:
    """The same chances in every run."""
    return random.Random(seed)  # noqa: S311  # nothing is kept secret with it


def _value(chance: random.Random) -> Any:
    return chance.choice(
        (
            chance.randint(-1000, 1000),
            chance.uniform(-1e6, 1e6),
            chance.choice(("", "closed", "1")),
            chance.random() < 0.5,
        )
    )


def _record(chance: random.Random, number: int) -> dict[str, Any]:
    value = _value(chance)
    label = "vb" if isinstance(value, bool) else "vs" if isinstance(value, str) else "v"
    more = {"u": "V", "t": chance.randint(-100, 100)}
    return {"n": f"n{number}", label: value} | {name: more[name] for name in more if chance.random() < 0.5}


def _pack(chance: random.Random) -> list[dict[str, Any]]:
    base = {"bt": chance.randint(1_600_000_000, 1_800_000_000), "bu": "Cel", "bv": chance.randint(-50, 50)}
    records = [_record(chance, number) for number in range(chance.randint(1, 5))]
    records[0] |= {"bn": bn()} | {name: base[name] for name in base if name == "bt" or chance.random() < 0.5}
    return records


def test_senml_resolves_the_same_values() -> None:
    packs = [_pack(seeded(seed)) for seed in range(_PACKS)]
    theirs = judged([{"read": pack} for pack in packs])
    for pack, found in zip(packs, theirs, strict=True):
        ours = read_pack(json.dumps(pack).encode(), NOW)
        assert [[each.name, each.unit or None, each.value, each.time] for each in ours] == found, pack


def test_what_kpn_s_library_writes_we_read() -> None:
    tasks = [_task(seeded(seed)) for seed in range(_PACKS)]
    theirs = judged([{"write": task} for task in tasks])
    for task, pack in zip(tasks, theirs, strict=True):
        ours = read_pack(json.dumps(pack).encode(), NOW)
        assert [(each.name, type(each.value), each.time) for each in ours] == [
            (task["name"] + name, type(value), time) for name, value, time in task["records"]
        ]
        for each, (_, value, _) in zip(ours, task["records"], strict=True):
            assert each.value == (pytest.approx(value, abs=_SHORT_OF_A_DOUBLE) if type(value) is float else value)
        assert {each.unit for each in ours} == {task["unit"] or ""}


def _task(chance: random.Random) -> dict[str, Any]:
    begun = chance.randint(1_600_000_000, 1_800_000_000)
    names = [f"n{number}" for number in range(chance.randint(1, 5))]
    return {
        "name": bn(),
        "time": begun,
        "value": chance.choice((None, 5)),
        "unit": chance.choice((None, "V")),
        "records": [[name, _value(chance), begun + chance.randint(1, 100)] for name in names],
    }
