"""The logs: one JSON object a line, or plain text. They hold no secret, and of a query only the serial number.

Requests go to standard output, everything else to standard error through gunicorn's logger.
"""

import json
import logging
import sys
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

from gunicorn.glogging import Logger

from engage_server.protocol.json_body import quoted
from engage_server.serving.worker.answers.origin_server import Outgoing
from engage_server.serving.worker.line_output import MAX_LINE_BYTES, LineOutput

LogFormat = Literal["json", "text"]

_TEXT_CHARACTERS = 1024  # of a text that a client sent; a whole line must stay below the bytes above
_SHORT_TEXT_CHARACTERS = 64
_KEPT_BYTES = 1024 * 1024  # of lines that the reader does not take at the moment; further lines are lost, and counted


class AccessLog:
    """One line for each request. A reader that stalls never stops the server: lines are then lost, and counted.

    Args:
        listener: ``http``, ``https`` or ``operators``.
        log_format: The format of a line.
        descriptor: Where lines go. None: they go nowhere.

    Attributes:
        lost: How many lines were lost.
    """

    def __init__(self, listener: str, log_format: LogFormat, descriptor: int | None) -> None:
        self._listener = listener
        self._begin = f'"event":"request","listener":"{listener}","address":'
        self._as_json = log_format == "json"
        self._output = None if descriptor is None else LineOutput(descriptor)
        self._lines: list[bytes] = []
        self._kept_bytes = 0
        self.lost = 0

    def request(self, outgoing: Outgoing, seconds: float, at: float) -> None:
        """Log a request.

        Args:
            outgoing: Its answer.
            seconds: From the whole request to the sent answer.
            at: When the answer was sent, in seconds since 1970.
        """
        if self._output is None:
            return
        line = self._json(outgoing, seconds, at) if self._as_json else self._text(outgoing, seconds, at)
        self._keep(line.encode("ascii", "backslashreplace") + b"\n")

    def _json(self, outgoing: Outgoing, seconds: float, now: float) -> str:
        connection = outgoing.connection
        return (
            f'{{"time":"{_timestamp(now)}",{self._begin}{quoted(connection.address)},'
            f'"method":{quoted(cut(outgoing.method, _SHORT_TEXT_CHARACTERS))},'
            f'"path":{quoted(cut(outgoing.path))},"serial":{quoted(outgoing.serial)},"status":{outgoing.status},'
            f'"bytes":{outgoing.size},"seconds":{seconds:.6f},"tls":{quoted(connection.tls_version or None)}}}'
        )

    def _text(self, outgoing: Outgoing, seconds: float, now: float) -> str:
        connection = outgoing.connection
        who = f"{connection.address} {outgoing.serial}" if outgoing.serial else connection.address
        what = _one_line(f"{cut(outgoing.method, _SHORT_TEXT_CHARACTERS)} {cut(outgoing.path)}")
        parts = (
            f"[{_timestamp(now)}] {self._listener} {who}",
            f'"{what}" {outgoing.status} {outgoing.size} bytes {seconds * 1e6:.0f} us {connection.tls_version}',
        )
        return " ".join(parts).rstrip()

    def flush(self) -> None:
        """Write the waiting lines, as far as that is possible at once."""
        while self._lines and self._output is not None:
            count = self._next_piece()
            piece = b"".join(self._lines[:count])
            try:
                if not self._output.write(piece):
                    return
            except OSError:  # the reader is gone; devices are not
                self.lost += count
            del self._lines[:count]
            self._kept_bytes -= len(piece)

    def _keep(self, line: bytes) -> None:
        if self._kept_bytes + len(line) > _KEPT_BYTES or len(line) > MAX_LINE_BYTES:  # a longer line could block
            self.lost += 1
            return
        self._lines.append(line)
        self._kept_bytes += len(line)

    def _next_piece(self) -> int:
        """Return how many of the lines are written in one piece."""
        count, size = 1, len(self._lines[0])
        while count < len(self._lines) and size + len(self._lines[count]) <= MAX_LINE_BYTES:
            size += len(self._lines[count])
            count += 1
        return count


class JsonFormatter(logging.Formatter):
    """A log record as one JSON object on one line, short enough for a pipe to write in one piece."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. A traceback is one of its texts; its end matters most."""
        message = record.getMessage()
        traceback = self.formatException(record.exc_info) if record.exc_info else ""
        for characters in (2048, 1024, 256, 128):
            line = self._line(record, cut(message, characters), traceback[-characters:])
            if len(line) < MAX_LINE_BYTES:
                break
        return line

    def _line(self, record: logging.LogRecord, message: str, traceback: str) -> str:
        parts: Mapping[str, Any] = {
            "time": _timestamp(record.created),
            "event": "log",
            "level": record.levelname.lower(),
            "process": record.process,
            "message": message,
        }
        return json.dumps({**parts, "traceback": traceback} if traceback else parts)


class TextFormatter(logging.Formatter):
    """gunicorn's own form, as far as a pipe takes it in one piece."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and a traceback below it. If it is too long, the middle is left out."""
        text = super().format(record).encode("ascii", "backslashreplace").decode("ascii")
        half = MAX_LINE_BYTES // 2 - 16
        return text if len(text) < 2 * half else f"{text[:half]}\n...\n{text[-half:]}"


class ErrorLogHandler(logging.Handler):
    """Writes records to standard error without waiting. What cannot be written at once is lost, and counted.

    Attributes:
        lost: How many records were lost.
    """

    lost = 0
    _gunicorn = True  # gunicorn finds by this the handlers that it removes when the settings are reloaded

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._output = LineOutput(descriptor)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            line = self.format(record).encode("ascii", "backslashreplace") + b"\n"
            is_taken = self._output.write(line)
        except OSError:
            is_taken = False
        except Exception:  # a record that cannot be formatted; logging must never end its caller
            is_taken = False
        if not is_taken:
            ErrorLogHandler.lost += 1


class DeviceLogger(Logger):  # type: ignore[misc]  # gunicorn has no type hints
    """gunicorn's error log, in the configured format. Our own access log replaces gunicorn's."""

    def setup(self, cfg: Any) -> None:
        """Set up the handlers. gunicorn calls this."""
        super().setup(cfg)
        as_json = cfg.log_lines == "json"
        for handler in list(self.error_log.handlers):
            if type(handler) is logging.StreamHandler and handler.stream is sys.stderr:
                self.error_log.removeHandler(handler)
                handler = ErrorLogHandler(sys.stderr.fileno())
                self.error_log.addHandler(handler)
            handler.setFormatter(JsonFormatter() if as_json else TextFormatter(self.error_fmt, self.datefmt))


def cut(text: str, characters: int = _TEXT_CHARACTERS) -> str:
    """Shorten a text that a client may have sent to what a log line has room for, and say how long it was."""
    return text if len(text) <= characters else f"{text[:characters]}... ({len(text)} characters)"


def _timestamp(seconds: float) -> str:
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1000):03d}Z"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _one_line(text: str) -> str:
    """Escape a client's text, so that it cannot begin a new line in a log, or colour it."""
    return text.encode("unicode_escape").decode("ascii")
