"""docs/device-requests.md: its table has every route, its bodies are read as it says, its program reads a token."""

import json
import re
import runpy
from pathlib import Path
from typing import Any

from engage_server.protocol import paths
from engage_server.protocol.caller_serial import serial_from_body
from engage_server.protocol.device_audits import events_in, read_event
from tests.support import checkout
from tests.support.tokens import DIGITS, KEY, SERIAL, text_token

PAGE = (checkout.ROOT / "docs" / "device-requests.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_every_path_has_a_row() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    for path in (
        paths.NOTICE,
        paths.DER_PREFIX,
        f"{paths.CONFIG_PREFIX}Config",
        f"{paths.DATABASE_PREFIX}{{timestamp}}",
        paths.AUDIT,
        paths.ALERT,
        f"{paths.CREDENTIAL_SCAN}`",
        f"{paths.CREDENTIAL}`",
        f"{paths.CREDENTIAL_STATUS}`",
    ):
        assert any(path in row for row in rows), path


def test_bodies_are_read_as_the_page_says() -> None:
    bodies: list[Any] = [json.loads(block) for block in blocks("json")]
    notice, config, audit, compact, alert, stored = bodies
    assert list(notice) == ["cert_url", "hash"]
    assert {serial_from_body(each) for each in (config, audit, alert)} == {SERIAL}
    read = [read_event(event) for each in (audit, compact, alert) for event in events_in(each)]
    assert [(each.code, each.data, each.at) for each in read if each is not None] == [
        ("0B07", "0000", "20261126010203"),
        ("0B07", "0000", "20261126010203"),
        ("0F01", "", "20261126010203"),
    ]
    assert stored["audits"][0].keys() == {"receivedAt", "digest", "upload"}


def test_the_program_reads_a_token(tmp_path: Path) -> None:
    (program,) = blocks("python")
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    read = runpy.run_path(str(tmp_path / "program.py"))["read_token"]
    assert read(text_token(), KEY.reveal()) == (DIGITS, SERIAL)
    assert read(text_token(), bytes(32)) is None, "another key"
