"""schemathesis sends thousands of requests, and finds nothing: the short run of ``scripts/fuzz-api``."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.api_fuzzing import FuzzedServer, fuzz, fuzzed_server
from tests.support.api_judges import needs_api_judges
from tests.support.lengths import examples

pytestmark = [pytest.mark.long("tests/unit/web/api, with requests of our own choice"), needs_api_judges]
_REACHED = ("POST /sites/{site}/releases", "POST /sites/{site}/releases/{number}/activate")
_THING = {"type": "object", "required": ["name"]}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Things", "version": "1"},
    "paths": {
        "/thing": {
            "get": {
                "operationId": "get_thing",
                "parameters": [],
                "responses": {"200": {"description": "It.", "content": {"application/json": {"schema": _THING}}}},
            }
        }
    },
}


@pytest.fixture
def fuzzed(tmp_path: Path) -> Iterator[FuzzedServer]:
    with fuzzed_server(tmp_path) as server:
        yield server


def test_it_finds_nothing(fuzzed: FuzzedServer) -> None:
    verdict = fuzzed.tried(seed=1, cases=examples(all=2, quick=2, campaign=8))
    assert verdict.failures == 0, verdict.output[-10_000:]
    assert verdict.cases > 500
    assert [operation for operation in _REACHED if not verdict.accepted(operation)] == []


class _Liar(http.server.BaseHTTPRequestHandler):
    """Answers something else than its document says."""

    def do_GET(self) -> None:
        body = b'{"title": "no name"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


def test_it_would_find_something(tmp_path: Path) -> None:
    (tmp_path / "openapi.json").write_text(json.dumps(DOCUMENT))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Liar) as liar:
        thread = threading.Thread(target=liar.serve_forever)
        thread.start()
        try:
            origin = f"http://127.0.0.1:{liar.server_port}"
            verdict = fuzz(tmp_path, origin, seed=1, cases=1, API_TOKEN="x", API_SITE="main", API_SERIALS="")
        finally:
            liar.shutdown()
            thread.join()
    assert verdict.failures > 0
    assert "Response violates schema" in {failure["title"] for failure in verdict.report["failures"]}
