"""RFC 9112, as gunicorn's parser and our limits hold it."""

import pytest

from engage_server.serving.worker.connections.request_reader import (
    MAX_BODY_BYTES,
    MAX_OTHER_BODY_BYTES,
    Request,
    RequestReader,
    RequestRefused,
)

AUDIT = "/swordfish/lock/audit"


def new_reader() -> RequestReader:
    return RequestReader()


def read(text: str) -> Request | None:
    return new_reader().feed(text.replace("\n", "\r\n").encode("latin-1"))


@pytest.mark.parametrize(
    ("text", "status"),
    [
        # framing: RFC 9112 section 6
        ("POST / HTTP/1.1\nHost: x\nContent-Length: 5\nContent-Length: 6\n\nabcde", 400),
        ("POST / HTTP/1.1\nHost: x\nContent-Length: 5\nContent-Length: 5\n\nabcde", 400),
        ("POST / HTTP/1.1\nHost: x\nContent-Length: 5, 5\n\nabcde", 400),
        ("POST / HTTP/1.1\nHost: x\nContent-Length: +5\n\nabcde", 400),
        ("POST / HTTP/1.1\nHost: x\nContent-Length: 0x5\n\nabcde", 400),
        ("POST / HTTP/1.1\nHost: x\nContent-Length: -1\n\n", 400),
        ("POST / HTTP/1.1\nHost: x\nContent-Length: 5\nTransfer-Encoding: chunked\n\n0\n\n", 400),
        ("POST / HTTP/1.0\nHost: x\nTransfer-Encoding: chunked\n\n0\n\n", 400),
        ("POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked, chunked\n\n0\n\n", 400),
        ("POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked, identity\n\n0\n\n", 400),
        ("POST / HTTP/1.1\nHost: x\nTransfer-Encoding: gzip\n\nx", 400),
        ("POST / HTTP/1.1\nHost: x\nTransfer-Encoding: gzip, chunked\n\n0\n\n", 501),
        ("POST / HTTP/1.1\nHost: x\nTransfer-Encoding: xchunked\n\n0\n\n", 501),
        ("POST / HTTP/1.1\nHost: x\nTransfer-Encoding : chunked\n\n0\n\n", 400),
        ("POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\nG\n", 400),
        ("POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n5 \nabcde\n0\n\n", 400),
        ("POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n5\nabcdefg\n0\n\n", 400),
        # fields: section 5
        ("GET / HTTP/1.1\nHost: x\nA: b\n folded\n\n", 400),
        ("GET / HTTP/1.1\n Host: x\n\n", 400),
        ("GET / HTTP/1.1\nHost: x\nA b: c\n\n", 400),
        ("GET / HTTP/1.1\nHost: x\n: c\n\n", 400),
        ("GET / HTTP/1.1\nHost: x\nA: \x00\n\n", 400),
        ("GET / HTTP/1.1\nHost: x\nHost: x\n\n", 400),
        ("GET / HTTP/1.1\nHost: x\nA: " + "b" * 9000 + "\n\n", 431),
        ("GET / HTTP/1.1\nHost: x\n" + "A: b\n" * 101 + "\n", 431),
        ("GET / HTTP/1.1\nHost: x\n" + ("A: " + "b" * 8000 + "\n") * 5, 431),
        # the request line: section 3
        ("GET  / HTTP/1.1\nHost: x\n\n", 400),
        ("GET / HTTP/1.1 \nHost: x\n\n", 400),
        ("GET /\nHost: x\n\n", 400),
        ("GET / HTTP/2.0\nHost: x\n\n", 400),
        ("GET / HTTP/0.9\nHost: x\n\n", 400),
        ("GET * HTTP/1.1\nHost: x\n\n", 400),
        ("GET x:80 HTTP/1.1\nHost: x\n\n", 400),
        ("GET /\x7f HTTP/1.1\nHost: x\n\n", 400),
        ("GET http://[::1 HTTP/1.1\nHost: x\n\n", 400),
        ("G(T / HTTP/1.1\nHost: x\n\n", 400),
        ("GET /" + "a" * 5000 + " HTTP/1.1\nHost: x\n\n", 414),
        # RFC 9110 section 10.1.1
        ("PUT / HTTP/1.1\nHost: x\nExpect: a-miracle\nContent-Length: 1\n\nx", 417),
        (f"PUT / HTTP/1.1\nHost: x\nContent-Length: {MAX_OTHER_BODY_BYTES + 1}\n\n", 413),
        (f"POST /swordfish/lock/audit?a HTTP/1.1\nHost: x\nContent-Length: {MAX_BODY_BYTES + 1}\n\n", 413),
        (f"POST http://x/swordfish/lock/audit HTTP/1.1\nHost: x\nContent-Length: {MAX_BODY_BYTES + 1}\n\n", 413),
        ("PUT / HTTP/1.1\nHost: x\nContent-Length: 99999999999999999999\n\n", 413),
        (f"PUT / HTTP/1.1\nHost: x\nContent-Length: {'9' * 5000}\n\n", 400),
        ("\x16\x03\x01\x02\x00\n", 400),
    ],
)
def test_what_is_refused(text: str, status: int) -> None:
    with pytest.raises(RequestRefused) as caught:
        read(text)
    assert caught.value.status == status


@pytest.mark.parametrize("text", [b"GET / HTTP/1.1\nHost: x\n\n", b"GET / HTTP/1.1\r\nHost: x\n\r\n", b"G\nET /"])
def test_a_bare_line_feed_ends_no_line(text: bytes) -> None:
    with pytest.raises(RequestRefused) as caught:
        new_reader().feed(text)
    assert caught.value.status == 400


def test_bodies_are_read_whole_and_without_their_coding() -> None:
    request = read("POST /a%20b?c=d HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n5;x=y\nabcde\n3\nfgh\n0\nT: v\n\n")
    assert request is not None
    assert (request.method, request.path, request.query, request.body) == ("POST", "/a%20b", "c=d", b"abcdefgh")
    length = read("POST / HTTP/1.1\nHost: x\nContent-Length: 3\n\nabcGET")
    assert length is not None
    assert length.body == b"abc"


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/", MAX_OTHER_BODY_BYTES), ("/swordfish/lock/alert", MAX_OTHER_BODY_BYTES), (AUDIT, MAX_BODY_BYTES)],
)
def test_a_chunked_body_has_the_same_limit(path: str, limit: int) -> None:
    reader = new_reader()
    assert reader.feed(f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()) is None
    for _ in range(limit // 1000):
        assert reader.feed(b"3e8\r\n" + b"x" * 1000 + b"\r\n") is None
    with pytest.raises(RequestRefused) as caught:
        reader.feed(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
    assert caught.value.status == 413


@pytest.mark.parametrize("path", [AUDIT, f"{AUDIT}?serialNumber=1", f"http://x{AUDIT}"])
def test_audits_may_be_longer_than_anything_else(path: str) -> None:
    request = read(f"POST {path} HTTP/1.1\nHost: x\nContent-Length: {MAX_BODY_BYTES}\n\n" + "x" * MAX_BODY_BYTES)
    assert request is not None
    assert len(request.body) == MAX_BODY_BYTES


@pytest.mark.parametrize("size", [1, 2, 7])
def test_pieces_make_the_same_request(size: int) -> None:
    content = b"PUT /x?y HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nabcdGET /"
    reader, request = new_reader(), None
    pieces = [content[begin : begin + size] for begin in range(0, len(content), size)]
    used = 0
    for piece in pieces:
        request = reader.feed(piece)
        used += len(piece)
        if request:
            break
    assert request is not None
    assert (request.body, request.keeps_alive) == (b"abcd", True)
    assert reader.rest() + content[used:] == b"GET /"


@pytest.mark.parametrize(
    ("line", "fields", "keeps_alive"),
    [
        ("GET / HTTP/1.1", "", True),
        ("GET / HTTP/1.1", "Connection: close\n", False),
        ("GET / HTTP/1.1", "Connection: x, Close\n", False),
        ("GET / HTTP/1.1", "Connection: close\nConnection: keep-alive\n", False),
        ("GET / HTTP/1.1", "Connection: enclosed\n", True),
        ("GET / HTTP/1.0", "", False),
        ("GET / HTTP/1.0", "Connection: keep-alive\n", False),
        ("CONNECT x:80 HTTP/1.1", "", False),
    ],
)
def test_who_stays(line: str, fields: str, keeps_alive: bool) -> None:
    request = read(f"{line}\nHost: x\n{fields}\n")
    assert request is not None
    assert request.keeps_alive is keeps_alive


@pytest.mark.parametrize(
    ("target", "authority", "path", "query"),
    [
        ("/a?b?c", None, "/a", "b?c"),
        ("/a#f?b", None, "/a", ""),
        ("http://h:80/a?b", "h:80", "/a", "b"),
        ("http://user:secret@h", "h", "/", ""),
    ],
)
def test_the_forms_of_a_target(target: str, authority: str | None, path: str, query: str) -> None:
    request = read(f"GET {target} HTTP/1.1\nHost: x\n\n")
    assert request is not None
    assert (request.authority, request.path, request.query) == (authority, path, query)


CHUNKED = b"POST /swordfish/lock/audit HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_chunk_extensions_are_not_held_and_yet_have_a_limit() -> None:
    reader = new_reader()
    reader.feed(CHUNKED)
    chunk = b"1;" + b"a" * 4000 + b"\r\nx\r\n"
    fed = len(CHUNKED)
    with pytest.raises(RequestRefused) as caught:
        while fed < 100 * MAX_BODY_BYTES:
            reader.feed(chunk)
            fed += len(chunk)
            assert reader.held_bytes < fed // len(chunk) + 10_000, "the body, a little header, and one line at most"
    assert caught.value.status == 413
    most = 2 * MAX_BODY_BYTES + 64 * 1024
    assert most - len(chunk) <= fed <= most


def test_what_is_held_is_header_and_body() -> None:
    reader = new_reader()
    head = b"POST /swordfish/lock/audit HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 5000
    assert reader.feed(head) is None
    assert reader.held_bytes == len(head)
    assert reader.feed(b"\r\nContent-Length: 300000\r\n\r\n") is None
    assert 5000 < reader.held_bytes < 6000
    for _ in range(20):
        assert reader.feed(b"x" * 10_000) is None
    assert 205_000 < reader.held_bytes < 220_000
    assert reader.feed(b"x" * 100_000) is not None
    assert 305_000 < reader.held_bytes < 306_000
