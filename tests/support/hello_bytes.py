"""Client hellos, octet by octet."""

import struct


def record(content: bytes, kind: int = 22) -> bytes:
    return struct.pack(">BHH", kind, 0x0301, len(content)) + content


def named(name: bytes) -> bytes:
    """A hello of TLS 1.2 with some server name, whatever it is."""
    sni = struct.pack(">HHHBH", 0, len(name) + 5, len(name) + 3, 0, len(name)) + name
    others = bytes.fromhex("000a000600040017001d000b00020100000d0006000404010804")
    extensions = others + sni
    suites = bytes.fromhex("0004c02f009c0100")
    body = b"\x03\x03" + bytes(32) + b"\0" + suites + struct.pack(">H", len(extensions)) + extensions
    return record(b"\x01" + len(body).to_bytes(3, "big") + body)
