"""What a device gets while this host may not read its files, or has lost them: it is told to come again."""

import os
import shutil
from pathlib import Path

import pytest

from engage_server.protocol.json_body import write_json
from engage_server.records import Host
from engage_server.services.call_in.call import RETRY_SECONDS, Call, CallAnswer, CallKind
from engage_server.services.call_in.dispatch import CallIns
from tests.support.calls import call_in
from tests.support.world import World, serial_of

KNOWN = serial_of(1)
BODY = write_json({"serialNumber": KNOWN, "audits": []})
AUDIT = call_in(body=BODY)
CONFIG = call_in(CallKind.CONFIG, BODY, method="PUT")
DATABASE = call_in(CallKind.DATABASE, b"", said_before=KNOWN)
KINDS = pytest.mark.parametrize("call", [AUDIT, CONFIG, DATABASE], ids=lambda call: call.kind)


@pytest.fixture
def called(world: World) -> CallIns:
    """A device that called before, so that it has a folder."""
    world.add_site("main", (Host.parse("main.example.org"),))
    world.sites.add_device(KNOWN, "main", world.occasion)
    made = world.call_ins(world.distribution())
    assert made.answer(AUDIT).status == 201
    return made


def is_told_to_come_again(answer: CallAnswer) -> bool:
    return answer.status == 503 and answer.retry_seconds == RETRY_SECONDS


def forbid(monkeypatch: pytest.MonkeyPatch, folder: Path, function: str) -> None:
    """Let this process be one that may not look into a folder, although tests may run as root."""
    allowed = getattr(os, function)

    def judged(path: object, *args: object, **kwargs: object) -> object:
        if str(path).startswith(f"{folder}/"):
            raise PermissionError(13, "Permission denied", str(path))
        return allowed(path, *args, **kwargs)

    monkeypatch.setattr(os, function, judged)


@KINDS
@pytest.mark.parametrize("function", ["stat", "open"])
def test_files_of_somebody_else(
    called: CallIns, world: World, monkeypatch: pytest.MonkeyPatch, call: Call, function: str
) -> None:
    """As root's files were to the service's user: every call was answered 500, with a traceback in the log."""
    with monkeypatch.context() as patch:
        forbid(patch, world.folder / "data/main", function)
        assert is_told_to_come_again(called.answer(call))
    assert "Permission denied" in world.told[-1] and str(world.folder / "data/main") in world.told[-1]
    assert called.answer(AUDIT).status == 202


@KINDS
def test_a_folder_of_data_that_is_gone(called: CallIns, world: World, call: Call) -> None:
    """A device that asked for its database got 404: nothing is here for you. That was not known."""
    shutil.rmtree(world.folder / "data")
    assert is_told_to_come_again(called.answer(call))
    assert not (world.folder / "data").exists()


def test_a_device_without_files_is_told_so(called: CallIns) -> None:
    assert called.answer(DATABASE).status == 404
