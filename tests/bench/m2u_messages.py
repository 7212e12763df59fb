"""Messages of Talk2M M2U for ``scripts/bench-links``."""

from pathlib import Path

from tests.bench.links import HOST, Load
from tests.support.ingress import host_files
from tests.support.m2u import LOGIN, basic, secret_file

_LINKS = """
[hosts."links.example.org"]
serves = ["m2u"]
FILES
[links.plant]
site = "plant"
partner = "m2u"
slot = "plant"
login_file = "plant.login"
accounts = { acme = [] }
"""
_DEVICES = 50


def messages(folder: Path, count: int) -> Load:
    """Some routers send a few values each."""
    secret_file(folder / "plant.login", LOGIN)
    links = _LINKS.replace("FILES", host_files(folder, HOST))
    return Load("M2U", links, [_request(number) for number in range(count)], 200)


LOADS = (messages,)


def _request(number: int) -> bytes:
    body = f"tag;value\r\ntemperature;{number}\r\n".encode() + b"x" * 200
    device = number % _DEVICES
    head = (
        f"POST /m2u/plant HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: {basic()[1]}\r\nContent-Type: text/csv\r\n"
        f"X_Talk2M_Account: acme\r\nX_Talk2M_Device: ewon-{device}\r\nX_Talk2M_SerialNumber: 15-{device}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
