"""A log line is written in one piece or not at all: a reader that stalls holds up nobody."""

import fcntl
import json
import logging
import os
import select
import socket
import sys
import threading
from collections.abc import Iterator

import pytest
from gunicorn.config import Config

from engage_server.serving.worker.answers.origin_server import Outgoing
from engage_server.serving.worker.connections.connection import Connection
from engage_server.serving.worker.log_lines import AccessLog, DeviceLogger, JsonFormatter, LogFormat, TextFormatter

NASTY = ['"' * 5000, "\\" * 5000, "\0" * 5000, "\N{OLD ITALIC LETTER A}" * 5000, "ü" * 5000]


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe of the smallest size: one page."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    yield reading, writing
    os.close(reading)
    os.close(writing)


def outgoing(path: str, method: str = "GET") -> Outgoing:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        return Outgoing(Connection(ours, "192.0.2.1", 0.0), b"", "none", method, path, "0" * 32, 404, 0.0)


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize("path", ['/a?"' * 900, "\\" * 3800, '"' * 3800, "/short"])
def test_a_path_is_cut_so_that_no_line_blocks(pipe: tuple[int, int], log_format: LogFormat, path: str) -> None:
    """With the pipe full nothing waits; the thread would hang in it for as long as nobody reads."""
    log = AccessLog("http", log_format, pipe[1])

    def write() -> None:
        for _ in range(20):
            log.request(outgoing(path, "M" * 200), 0.1, 1e9)
        log.flush()

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive(), "a line was longer than what a pipe takes at once"
    first = os.read(pipe[0], 65536).decode().splitlines()[0]
    if log_format == "json":
        told = json.loads(first)["path"]
        assert told == path or told.startswith(path[:1024] + "... (")
    assert log.lost == 0, "lines wait for the reader; none is left out for its length"


def test_lines_beyond_what_is_kept_are_counted_and_others_come_when_somebody_reads(pipe: tuple[int, int]) -> None:
    log = AccessLog("http", "json", pipe[1])
    request = outgoing("/short")
    for _ in range(6000):
        log.request(request, 0.1, 1e9)
    log.flush()
    assert 0 < log.lost < 6000
    read = 0
    while select.select([pipe[0]], [], [], 0)[0]:
        read += os.read(pipe[0], 65536).count(b"\n")
        log.flush()
    assert read + log.lost == 6000, "each is read or counted"


def test_where_nobody_can_read_any_more_all_are_counted() -> None:
    reading, writing = os.pipe()
    log = AccessLog("http", "json", writing)
    os.close(reading)
    log.request(outgoing("/short"), 0.1, 1e9)
    log.flush()
    os.close(writing)
    assert log.lost == 1


@pytest.mark.parametrize("text", NASTY)
def test_what_else_is_logged_fits_into_one_piece(text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "of a client: %s", (text,), sys.exc_info())
    line = JsonFormatter().format(record)
    assert len(line) < select.PIPE_BUF
    told = json.loads(line)
    assert told["message"].startswith("of a client: " + text[:100])
    assert told["traceback"]
    plain = TextFormatter("%(message)s").format(record)
    assert len(plain.encode()) < select.PIPE_BUF
    assert plain.startswith("of a client: ")


def test_what_is_short_is_logged_as_it_is() -> None:
    try:
        raise ValueError("why")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "what %s", ("failed",), sys.exc_info())
    told = json.loads(JsonFormatter().format(record))
    assert told["message"] == "what failed"
    assert told["traceback"].startswith("Traceback (most")
    assert told["traceback"].endswith("ValueError: why")
    assert TextFormatter("%(message)s").format(record).startswith("what failed\nTraceback")


@pytest.fixture
def error_log() -> Iterator[DeviceLogger]:
    """gunicorn's, on standard error; afterwards the process's loggers are as they were."""
    shared = [logging.getLogger(name) for name in ("gunicorn.error", "gunicorn.access")]
    before = [(list(each.handlers), each.propagate, each.level) for each in shared]
    configured = Config()
    configured.log_lines = "json"
    yield DeviceLogger(configured)
    for each, (handlers, propagates, level) in zip(shared, before, strict=True):
        each.handlers[:], each.propagate = handlers, propagates
        each.setLevel(level)


def test_a_defect_is_logged_as_one_whatever_its_class(
    capfd: pytest.CaptureFixture[str], error_log: DeviceLogger
) -> None:
    """A timeout, too: the worker's loop tells a client's silence by itself, and never by this log."""
    for defect in (TimeoutError("slow"), ValueError("odd")):
        try:
            raise defect
        except (TimeoutError, ValueError):
            error_log.exception("looking failed")
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [(line["level"], line["message"]) for line in lines] == [("error", "looking failed")] * 2
    assert "TimeoutError: slow" in lines[0]["traceback"]
