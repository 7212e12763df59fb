"""For the README: how a door comes to trust a host, and what becomes of one wrong byte."""

from engage_server.pki.byte_budget import MAX_CHAIN_DER_BYTES
from tests.project.pictures.drawing import Picture

_LEFT, _RIGHT = 20, 440


def trust() -> Picture:
    """The problem and the product."""
    picture = Picture(
        "trust",
        (620, 372),
        "How a door comes to trust your host",
        "A door asks your host over plain HTTP which certificate it may trust. The host answers with one certificate, "
        "and a hash under the site key. From then on the door accepts only TLS chains that lead to this certificate. "
        "If one byte is wrong, the door keeps retrying, reports nothing, and never connects again. engage-server "
        "builds the chain, checks it, serves it, counts which doors came through, and can go back.",
    )
    _door(picture)
    _host(picture)
    _talk(picture)
    _outcomes(picture)
    return picture


def _door(picture: Picture) -> None:
    picture.box(_LEFT, 20, 120, 186)
    picture.words(_LEFT + 60, 46, "door", bold=True, size=17, at="middle")
    picture.box(_LEFT + 34, 62, 52, 84, "page")  # a door leaf with its lock
    picture.box(_LEFT + 70, 98, 8, 16, "blue")
    picture.words(_LEFT + 60, 172, "trusts nothing", "soft", size=14, at="middle")
    picture.words(_LEFT + 60, 191, "else", "soft", size=14, at="middle")


def _host(picture: Picture) -> None:
    picture.box(_RIGHT, 20, 160, 186)
    picture.words(_RIGHT + 80, 46, "your host", bold=True, size=17, at="middle")
    picture.box(_RIGHT + 14, 62, 132, 30, "blue")
    picture.words(_RIGHT + 80, 82, "HTTP, port 80", "blue", size=14, at="middle")
    picture.box(_RIGHT + 14, 142, 132, 30, "green")
    picture.words(_RIGHT + 80, 162, "TLS, port 443", "green", size=14, at="middle")
    picture.words(_RIGHT + 80, 193, "engage-server", bold=True, size=15, at="middle")


def _talk(picture: Picture) -> None:
    start, end, middle = _LEFT + 120, _RIGHT, 290
    picture.words(middle, 58, "Which certificate may I trust?", size=15, at="middle")
    picture.arrow((start, 68), (end, 68), "blue")
    picture.words(middle, 92, "This one. Hash under your site key.", size=15, at="middle")
    picture.arrow((end, 102), (start, 102), "blue")
    picture.words(middle, 148, "nightly calls, under this certificate", size=15, at="middle")
    picture.arrow((start, 158), (end, 158), "green", both=True)


def _outcomes(picture: Picture) -> None:
    picture.box(20, 226, 280, 126, "red")
    picture.words(36, 252, "One byte is wrong", "red", bold=True, size=16)
    wrong = ["The door keeps retrying,", "reports nothing, and never", "connects again, until", "somebody walks to it."]
    picture.paragraph(36, 276, wrong)
    picture.box(320, 226, 280, 126, "green")
    picture.words(336, 252, "engage-server", "green", bold=True, size=16)
    right = [
        "builds the chain, checks it for",
        f"your doors ({MAX_CHAIN_DER_BYTES} bytes, names),",
        "serves it, counts which doors",
        "came through, and can go back.",
    ]
    picture.paragraph(336, 276, right)
