"""Prism (npm), which answers as a contract says, and answers 401, 415 or 422 to what the contract does not have."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.ports import free_port

CONTRACT = Path(__file__).parent / "contract.yaml"
MAP = Path(__file__).parent / "map.toml"
_PROGRAM = ROOT / ".venv" / "share" / "prism" / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
_START_SECONDS = 60


@contextmanager
def prism(contract: Path = CONTRACT) -> Iterator[int]:
    """Serve a contract on 127.0.0.1, and give the port. Skips the test where Prism is not installed."""
    node = shutil.which("node")
    if node is None or not _PROGRAM.exists():
        pytest.skip("Prism is not installed: scripts/test --all installs it where there is npm")
    port = free_port()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [
                node,
                str(_PROGRAM),
                "mock",
                str(contract),
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
                "--verboseLevel",
                "error",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _await_answer(process, port)
            yield port
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await_answer(process: "subprocess.Popen[bytes]", port: int) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("Prism does not start")
