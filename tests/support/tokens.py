"""Device tokens, made by openssl."""

import base64
import subprocess

from engage_server.records import Secret

KEY = Secret(bytes(range(1, 33)))


SERIAL = "0000000000000000A0B1000000000206"


DIGITS = b"20261126023000\0\0"


def encrypted(plain: bytes, mode: str = "cbc", key: Secret = KEY) -> bytes:
    """By another implementation than the one under test."""
    iv = ["-iv", "00" * 16] if mode == "cbc" else []
    command = ["openssl", "enc", f"-aes-256-{mode}", "-nopad", "-K", key.reveal().hex(), *iv]
    return subprocess.run(command, input=plain, capture_output=True, check=True).stdout


def text_token(
    time: bytes = DIGITS, serial: str = SERIAL, mode: str = "cbc", clear: str | None = None, key: Secret = KEY
) -> str:
    cipher = encrypted(time + bytes.fromhex(serial), mode, key)
    return base64.b64encode(f"{clear or serial}:{cipher.hex().upper()}:1".encode()).decode()
