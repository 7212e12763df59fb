"""The judges of the API, each optional: a test that lacks its own is skipped, and says so."""

import subprocess
import sys
from pathlib import Path

import pytest

_BIN = Path(sys.prefix) / "share" / "api-judges" / "bin"
PYTHON = _BIN / "python"
OPENAPI_SPEC_VALIDATOR = _BIN / "openapi-spec-validator"
OPENAPI_PYTHON_CLIENT = _BIN / "openapi-python-client"
SCHEMATHESIS = _BIN / "schemathesis"
ANSIBLE_PLAYBOOK = _BIN / "ansible-playbook"
SPECTRAL = Path(sys.prefix) / "share" / "spectral" / "node_modules" / ".bin" / "spectral"

needs_api_judges = pytest.mark.skipif(
    not PYTHON.exists(), reason="the packages of requirements-api.lock are not there: scripts/test --all installs them"
)
needs_spectral = pytest.mark.skipif(
    not SPECTRAL.exists(), reason="Spectral is not there: npm fetches it in scripts/test --all"
)


def asked(judge: Path, *arguments: object, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Ask a judge, in a folder. It sees nothing of this process's environment but what is given here."""
    environment = {"PATH": f"{_BIN}:/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"}
    return subprocess.run(
        [str(judge), *map(str, arguments)],
        cwd=folder,
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
