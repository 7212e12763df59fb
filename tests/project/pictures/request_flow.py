"""What travels between a device and its host, in order, with the real paths and sizes."""

from engage_server.pki.byte_budget import MAX_CHAIN_DER_BYTES
from engage_server.pki.chain import Chain
from engage_server.pki.encodings import der
from engage_server.protocol import paths
from tests.project.pictures.drawing import Picture

_DEVICE, _HOST = 70, 550


def request_flow(chain: Chain) -> Picture:
    """The way of one device, from its first question to its nightly calls."""
    anchor, sent = len(der(chain.root)), sum(len(der(each)) for each in chain.sent)
    picture = Picture(
        "request-flow",
        (620, 618),
        "What a device and its host say to each other",
        f"Over plain HTTP the device asks for {paths.NOTICE}. The host answers with the address of the anchor and its "
        f"hash. The device downloads the anchor, {anchor} bytes, and compares the hash under its own site key. If the "
        "two differ, the device keeps its old anchor and reports nothing. Over TLS the host sends the server and the "
        f"intermediate certificate, {sent} bytes. If they do not lead to the anchor, it refuses and asks again. If "
        "they do, it calls in every night.",
    )
    _ends(picture)
    _plain(picture, anchor)
    _tls(picture, sent)
    return picture


def _ends(picture: Picture) -> None:
    for x, name in ((_DEVICE, "device"), (_HOST, "host")):
        picture.line((x, 50), (x, 600), dashed=True)
        picture.box(x - 50, 16, 100, 34)
        picture.words(x, 39, name, bold=True, size=16, at="middle")


def _message(picture: Picture, y: float, text: str, note: str, kind: str, *, asks: bool) -> None:
    ends = ((_DEVICE, y), (_HOST, y))
    picture.words(310, y - 9, text, size=14, mono=True, at="middle")
    picture.arrow(*(ends if asks else ends[::-1]), kind)
    if note:
        picture.words(310, y + 18, note, "soft", size=14, at="middle")


def _verdict(picture: Picture, y: float, question: str, no: str) -> None:
    picture.box(24, y, 572, 58)
    picture.words(40, y + 24, question, size=15)
    picture.words(40, y + 46, f"no: {no}", "red", size=14)


def _plain(picture: Picture, anchor: int) -> None:
    picture.words(310, 40, "plain HTTP, port 80", "blue", bold=True, size=15, at="middle")
    _message(picture, 90, f"GET {paths.NOTICE}", "", "blue", asks=True)
    _message(picture, 128, '{"cert_url": ..., "hash": ...}', "the notice", "blue", asks=False)
    _message(picture, 190, f"GET {paths.der_path('DIGEST')}", "", "blue", asks=True)
    _message(picture, 228, "the DER", f"the anchor, {anchor} bytes", "blue", asks=False)
    no = "it keeps the anchor that it had, and reports nothing"
    _verdict(picture, 262, "Does HMAC-SHA1(site key, DER) equal the hash?", no)


def _tls(picture: Picture, sent: int) -> None:
    picture.words(310, 350, "TLS, port 443", "green", bold=True, size=15, at="middle")
    _message(picture, 390, "ClientHello", "", "green", asks=True)
    _message(picture, 428, "server, intermediate", f"{sent} bytes; the root is not sent", "green", asks=False)
    question = f"Do they lead to the anchor, for this host, within {MAX_CHAIN_DER_BYTES} bytes?"
    _verdict(picture, 462, question, "it refuses TLS, and begins again at the top, again and again")
    _message(picture, 560, "PUT Config, GET db, POST audit", "every night, over TLS", "green", asks=True)
