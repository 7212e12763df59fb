"""Rotations by the API of a running operators' instance: many callers at once, and processes that are killed."""

import json
import os
import re
import signal
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from tests.support.alone import Alone, instance_alone
from tests.support.running import PATIENCE, engage, eventually, ok

AT_ONCE = 50
ROTATIONS = "/api/v1/sites/main/rotations"
REKEY = {"way": "linked-rekey", "reason": "job 812"}


class Caller:
    """A system with a token."""

    def __init__(self, operators: Alone, token: str) -> None:
        self._operators, self._token = operators, token

    def send(self, method: str, path: str, body: Any = None, **fields: str) -> tuple[int, Any]:
        """The status and the content of what is answered. (0, None) if nothing is."""
        connection = HTTPConnection("127.0.0.1", self._operators.port, timeout=PATIENCE)
        given = {name.replace("_", "-"): value for name, value in fields.items()}
        given |= {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), given)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, HTTPException):
            return 0, None
        finally:
            connection.close()

    def start(self, key: str) -> tuple[int, Any]:
        return self.send("POST", ROTATIONS, REKEY, Idempotency_Key=key)

    def rotations(self) -> list[Any]:
        status, page = self.send("GET", ROTATIONS)
        assert status == 200, page
        found: list[Any] = page["items"]
        return found

    def end(self) -> None:
        number = self.rotations()[0]["number"]
        status, said = self.send("POST", f"{ROTATIONS}/{number}/abort", {"reason": "next trial"}, If_Match="*")
        assert status == 200, said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.support.installation import make_installation

    return make_installation(tmp_path_factory.mktemp("api"))


@pytest.fixture(scope="module")
def operators(folder: Path) -> Iterator[Alone]:
    """No pair: devices are not concerned, and it costs twice as much."""
    with instance_alone(folder, "operators") as operators:
        yield operators


@pytest.fixture
def caller(folder: Path, operators: Alone) -> Caller:
    name = f"job-{uuid.uuid4().hex[:8]}"
    told = ok(engage(folder, "token", "add", name, "--role", "operator"))
    found = re.search(r"engage_\w+", told)
    assert found, told
    caller = Caller(operators, found[0])
    eventually(lambda: caller.send("GET", ROTATIONS)[0] == 200, "the token is known")
    return caller


@pytest.mark.parametrize("is_one_key", [True, False])
def test_fifty_equal_requests_at_once_make_one(caller: Caller, is_one_key: bool) -> None:
    before = len(caller.rotations())
    keys = repeat(str(uuid.uuid4()), AT_ONCE) if is_one_key else (str(uuid.uuid4()) for _ in range(AT_ONCE))
    with ThreadPoolExecutor(AT_ONCE) as many:
        answers = list(many.map(caller.start, keys))
    codes = Counter(said["code"] for status, said in answers if status != 201)
    assert set(codes) <= {"idempotency.in_progress" if is_one_key else "rotation.open"}, codes
    started = {said["number"] for status, said in answers if status == 201}
    assert len(started) == 1
    assert is_one_key or codes.total() == AT_ONCE - 1
    assert len(caller.rotations()) == before + 1
    caller.end()


LATER = pytest.mark.campaign("the other moments here; tests/unit/web/api/test_rotations.py ends it at each write")


@pytest.mark.parametrize(
    "seconds", [0.1, 0.25, *(pytest.param(each, marks=LATER) for each in (0.02, 0.05, 0.15, 0.35, 0.5, 0.8))]
)
def test_killed_and_asked_again(folder: Path, operators: Alone, caller: Caller, seconds: float) -> None:
    """Wherever the process was: the same request makes one rotation, prepared and served."""
    before, key = len(caller.rotations()), str(uuid.uuid4())
    (worker,) = operators.workers()
    with ThreadPoolExecutor(1) as one:
        going_on = one.submit(caller.start, key)
        time.sleep(seconds)
        os.kill(worker, signal.SIGKILL)
        going_on.result()
    answers: list[tuple[int, Any]] = []

    def is_answered() -> bool:
        answers.append(caller.start(key))
        return answers[-1][0] == 201

    eventually(is_answered, "it is answered")
    assert {status for status, _ in answers} <= {0, 201, 503}, answers
    assert len(caller.rotations()) == before + 1
    assert (answers[-1][1]["step"], len(answers[-1][1]["releases"])) == (1, 2)
    entries = json.loads(ok(engage(folder, "audit", "show", "--last", "1000", "--json")))
    started = [each for each in entries if each["action"] == "rotation:started"]
    assert len(started) == before + 1
    caller.end()
