"""Header lines that end with a line feed alone, as KPN's SDK for devices sends them, are refused by our worker."""

import pytest

from engage_server.serving.worker.connections.request_reader import RequestReader, RequestRefused
from tests.support.kpn import DEVICE_SECRET, pack, token_of

BODY = pack()
HEADER = (
    "POST /ingestion/m2m/senml/v1 HTTP/1.1\r\n"
    "Host: m.m\r\n"
    f"Things-Message-Token: {token_of(BODY, DEVICE_SECRET)}\r\n"
    "Content-Type: application/json\r\n"
    f"Content-Length: {len(BODY)}\r\n\r\n"
)


def test_the_document_s_request_is_read() -> None:
    request = RequestReader().feed(HEADER.encode() + BODY)
    assert request is not None
    assert request.body == BODY


@pytest.mark.parametrize("line", range(6))
def test_one_bare_line_feed_refuses_it(line: int) -> None:
    lines = HEADER.split("\r\n")
    header = "\r\n".join(lines[: line + 1]) + "\n" + "\r\n".join(lines[line + 1 :])
    assert header.count("\r\n") == HEADER.count("\r\n") - 1
    with pytest.raises(RequestRefused) as refused:
        RequestReader().feed(header.encode() + BODY)
    assert refused.value.status == 400


def test_the_sdk_s_request_is_refused() -> None:
    with pytest.raises(RequestRefused):
        RequestReader().feed(HEADER.replace("\r\n", "\n").encode() + BODY)
