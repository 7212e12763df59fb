"""The process that opens a chain: what it may take, what it is given, and that nothing of it stays."""

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engage_server.errors import ContentNotUsable, NotPossible
from engage_server.records import Secret
from engage_server.serving.opening.opener import ChainOpener
from tests.support.containers import BUILT, KEY, PASSPHRASE, PEM, USUAL_ROUNDS, dear, dear_key, labelled, pfx

_SOON = 20.0
_MANY = 8_000_000
_LOCKED = Secret(PASSPHRASE)
_PRINT = "import sys; sys.stdin.buffer.read(); "

# limits the child as ever, but to a second: the processor then decides sooner
_HURRIED = (
    sys.executable,
    "-c",
    "from engage_server.serving.opening import apart, limits; limits.CPU_SECONDS = 1; apart.main()",
)


@pytest.mark.parametrize("kind", ["container", "key"])
def test_a_usual_file_is_opened(tmp_path: Path, kind: str) -> None:
    content = dear(USUAL_ROUNDS, tmp_path) if kind == "container" else PEM + dear_key(USUAL_ROUNDS)
    opened = ChainOpener(os.environ)(content, _LOCKED)
    assert opened.chain == BUILT.chain
    assert opened.server_key.private_numbers() == BUILT.server_key.private_numbers()


@pytest.mark.parametrize("kind", ["container", "wrapped", "key"])
def test_a_dear_one_is_refused_before_long(tmp_path: Path, kind: str) -> None:
    content = PEM + dear_key(_MANY) if kind == "key" else dear(_MANY, tmp_path)
    if kind == "wrapped":
        content = labelled("CERTIFICATE", content)
    begun = time.monotonic()
    with pytest.raises(ContentNotUsable) as refusal:
        ChainOpener(os.environ, _HURRIED)(content, _LOCKED)
    assert refusal.value.code == "content.too_dear"
    assert time.monotonic() - begun < _SOON


def test_others_go_on_meanwhile(tmp_path: Path) -> None:
    """This process computes nothing: its threads have their turns."""
    opener, content, looks = ChainOpener(os.environ, _HURRIED), dear(_MANY, tmp_path), 0
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(opener, content, _LOCKED)
        used = time.process_time()
        while not opening.done():
            time.sleep(0.01)
            looks += 1
        assert time.process_time() - used < 0.5
    assert looks > 20
    assert isinstance(opening.exception(), ContentNotUsable)


def test_few_are_opened_at_once(tmp_path: Path) -> None:
    """Two work, two wait, and the fifth is told to come again."""
    begun, end = tmp_path / "begun", tmp_path / "end"
    wait = f"import os, time\nopen(r'{begun}', 'a').write('x')\nwhile not os.path.exists(r'{end}'): time.sleep(0.02)"
    opener = ChainOpener(os.environ, (sys.executable, "-c", f"{wait}\nraise SystemExit(75)"))
    with ThreadPoolExecutor(4) as pool:
        opening = [pool.submit(opener, PEM + KEY, None) for _ in range(4)]
        until = time.monotonic() + _SOON
        while not begun.exists() or begun.stat().st_size < 2:
            assert time.monotonic() < until
            time.sleep(0.02)
        time.sleep(0.1)
        assert begun.stat().st_size == 2
        with pytest.raises(NotPossible, match="other chains are being opened") as refusal:
            opener(PEM + KEY, None)
        assert refusal.value.code == "server.busy"
        end.touch()
        assert all(isinstance(each.exception(_SOON), ContentNotUsable) for each in opening)
    with pytest.raises(ContentNotUsable):
        opener(PEM + KEY, None)  # the control: there is room again


def test_one_that_sleeps_is_stopped() -> None:
    opener = ChainOpener(os.environ, (sys.executable, "-c", "import time; time.sleep(60)"), seconds=0.3)
    with pytest.raises(NotPossible, match=re.escape("within 0.3 seconds")) as refusal:
        opener(PEM + KEY, None)
    assert refusal.value.code == "server.busy"


def test_a_machine_without_room_for_a_process_is_busy(tmp_path: Path) -> None:
    with pytest.raises(NotPossible) as refusal:
        ChainOpener(os.environ, (str(tmp_path / "gone"),))(PEM + KEY, None)
    assert refusal.value.code == "server.busy"


def test_a_defect_is_none_of_the_callers(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ended with 3"):
        ChainOpener(os.environ, (sys.executable, "-c", "raise SystemExit(3)"))(PEM + KEY, None)


def test_it_knows_no_secret_of_the_servers(tmp_path: Path) -> None:
    """Passphrase and key are in no argument and no variable. The listener's own secrets are not there at all."""
    seen = tmp_path / "seen"
    look = (
        f"{_PRINT}p = '/proc/self/'\n"
        f"open(r'{seen}', 'wb').write(open(p + 'environ', 'rb').read() + open(p + 'cmdline', 'rb').read())\n"
        "raise SystemExit(75)"
    )
    environment = {**os.environ, "ENGAGE_KEY_ENCRYPTION_KEY": "a-secret", "ENGAGE_DATABASE_URL": "another"}
    environment["PYTHONPATH"] = "/somewhere"
    with pytest.raises(ContentNotUsable):
        ChainOpener(environment, (sys.executable, "-c", look))(pfx(PASSPHRASE), _LOCKED)
    told = seen.read_bytes()
    for secret in (b"ENGAGE", b"a-secret", b"another", PASSPHRASE, b"PRIVATE"):
        assert secret not in told
    assert b"PYTHONPATH=/somewhere" in told, "the control"


def test_it_has_limits_and_a_closed_memory() -> None:
    """Before it reads anything: here it is given nothing, and says what holds."""
    look = """
import ctypes, os, resource, signal
from engage_server.serving.opening import apart
before = os.nice(0)
try:
    apart.main()
except ValueError:
    pass
for name in ("CPU", "AS", "CORE", "FSIZE"):
    print(*resource.getrlimit(getattr(resource, "RLIMIT_" + name)))
print(0 < signal.getitimer(signal.ITIMER_PROF)[0] <= 5, ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), os.nice(0) > before)
"""
    done = subprocess.run([sys.executable, "-c", look], input=b"", capture_output=True, check=True, timeout=_SOON)
    assert done.stdout.decode().splitlines() == [
        "6 6",
        "536870912 536870912",
        "0 0",
        "0 0",
        "True 0 True",
    ]
