"""Tools of others stage and activate a release: a client that is generated from our document, and Ansible."""

import json
from pathlib import Path

import pytest

from tests.support.api_judges import ANSIBLE_PLAYBOOK, OPENAPI_PYTHON_CLIENT, PYTHON, asked, needs_api_judges
from tests.support.api_server import SITE, ApiServer
from tests.support.checkout import ROOT

pytestmark = [pytest.mark.long("tests/unit/web/api/test_releases.py, through Flask's own client"), needs_api_judges]
_SCRIPT = ROOT / "tests" / "support" / "generated_client.py"
_PLAYBOOK = ROOT / "deploy" / "ansible" / "release.yml"


@pytest.fixture(scope="module")
def generated(shared_api: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the package ``engage_client``. A warning would be something that a client lacks."""
    folder = tmp_path_factory.mktemp("generated")
    options = ("--output-path", "engage_client", "--meta", "none", "--fail-on-warning")
    done = asked(OPENAPI_PYTHON_CLIENT, "generate", "--path", shared_api.document_in(folder), *options, folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout
    return folder


def test_a_generated_client_stages_and_activates(shared_api: ApiServer, generated: Path, tmp_path: Path) -> None:
    chain, before = shared_api.new_chain(tmp_path / "chain.pem"), shared_api.current_release()

    def run(role: str) -> dict[str, object]:
        variables = {"ENGAGE_TOKEN": shared_api.tokens[role], "PYTHONPATH": str(generated)}
        done = asked(PYTHON, _SCRIPT, shared_api.url, SITE, chain, folder=tmp_path, **variables)
        assert done.returncode == 0, done.stderr
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    assert run("viewer") == {"problem": "access.role", "status": 403}
    assert shared_api.current_release() == before
    done = run("operator")
    number = done["staged"]
    assert done == {
        "staged": number,
        "again": number,
        "errors": [],
        "state": "current",
        "read": "current",
        "newest": number,
    }
    assert shared_api.current_release() == number != before


def test_ansible_stages_and_activates(shared_api: ApiServer, tmp_path: Path) -> None:
    chain, before = shared_api.new_chain(tmp_path / "chain.pem"), shared_api.current_release()

    def play(role: str, reason: str = "renewed") -> tuple[int, str]:
        given = {"engage_url": shared_api.origin, "engage_site": SITE, "chain_file": str(chain), "reason": reason}
        done = asked(
            ANSIBLE_PLAYBOOK,
            *(_PLAYBOOK, "-e", json.dumps(given)),
            folder=tmp_path,
            ENGAGE_TOKEN=shared_api.tokens[role],
            ANSIBLE_LOCALHOST_WARNING="false",
            ANSIBLE_INVENTORY_UNPARSED_WARNING="false",
        )
        assert "WARNING" not in done.stderr, done.stderr
        assert all(secret not in done.stdout + done.stderr for secret in (shared_api.tokens[role], "PRIVATE KEY"))
        return done.returncode, done.stdout

    status, said = play("viewer")
    assert status == 2
    assert "access.role: " in said, said
    assert shared_api.current_release() == before
    status, said = play("operator")
    assert (status, "changed=2" in said) == (0, True), said
    number = shared_api.current_release()
    assert number > before
    assert f"release {number} of {SITE} is served" in said
    for reason in ("renewed", "with another key, as when the first one is no longer kept"):
        status, said = play("operator", reason)
        assert (status, "changed=0" in said) == (0, True), said
        assert shared_api.current_release() == number
