"""Both test cases of Telekom's document against running processes: ingress, operators' instance, and a portal."""

import datetime as dt
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engage_server.links.telekom.messages.signing import sign
from engage_server.links.telekom.messages.verifying import verify
from tests.support.chains import NOW
from tests.support.installation import make_installation
from tests.support.running import ENGAGE, PATIENCE, clean_environment, engage, free_port, ok
from tests.support.signed_messages import NOTIFICATION, soap
from tests.support.telekom_ingress import TelekomIngress, telekom_ingress
from tests.support.telekom_links import ICCID, parties, trust_in
from tests.support.telekom_portal import ACCEPTED, ADM, MON, USAGE, pretended_portal

PORTAL, US = parties(NOW)
pytestmark = pytest.mark.long("tests/unit/links/commands/telekom/test_acceptance_command.py, without processes")


@contextmanager
def operators(folder: Path) -> Iterator[None]:
    """The operators' instance, which stores what the ingress kept."""
    command = [ENGAGE, "serve", "operators", "--operators-port", str(free_port())]
    with (folder / "operators.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=clean_environment(), stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE)


class Portal:
    """Answers both calls, and after an activation notifies the ingress, as the portal would."""

    def __init__(self, ingress: TelekomIngress) -> None:
        self.ingress = ingress
        self.acknowledged: list[tuple[int, bytes]] = []

    def __call__(self, _body: bytes, path: str) -> tuple[int, bytes]:
        if path == "/M2MAdm":
            threading.Thread(target=self._notify, daemon=True).start()
        return 200, sign(soap(ACCEPTED if path == "/M2MAdm" else USAGE), PORTAL, dt.datetime.now(dt.UTC))

    def _notify(self) -> None:
        self.acknowledged.append(self.ingress.post(sign(soap(NOTIFICATION), PORTAL, dt.datetime.now(dt.UTC))))


def test_both_cases_pass(tmp_path: Path) -> None:
    make_installation(tmp_path)
    with telekom_ingress(tmp_path) as ingress, operators(tmp_path):
        portal = Portal(ingress)
        with pretended_portal(tmp_path, portal) as server:
            files = f'[telekom]\nwsdl_files = ["{ADM}", "{MON}"]\n'
            text = (tmp_path / "links.toml").read_text().replace("[telekom]\n", files)
            (tmp_path / "calls.toml").write_text(text.replace("localhost:9443", f"localhost:{server.port}"))
            cases = ("--usage", f"iccid={ICCID}", "--activation", f"iccid={ICCID}")
            asked = ("--environment", "ta", "--links", "calls.toml", "--wait", "2")
            protocol = ok(engage(tmp_path, "telekom", "acceptance", *asked, *cases))
    assert protocol.count("result: passed") == 2
    ((status, answer),) = portal.acknowledged
    assert status == 200
    assert len(verify(answer, trust_in(US), dt.datetime.now(dt.UTC)).body) == 1
