"""Serial numbers as they come, and as they may come."""

import pytest

from engage_server.protocol.serial_number import decode_serial, encode_serial, serial_from_query

SERIAL = "0000000000000000A0B1000000000206"
PLUS = "FBEFBEFBEFBEFBEFBEFBEFBEFBEFBEFB"  # all "+" in Base64, then "+w=="


def test_the_vector_of_the_protocol_notes() -> None:
    assert encode_serial(SERIAL) == "AAAAAAAAAACgsQAAAAACBg=="
    assert decode_serial("AAAAAAAAAACgsQAAAAACBg==") == SERIAL


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("serialNumber=AAAAAAAAAACgsQAAAAACBg==&hashType=primary&v=2", SERIAL),
        ("serialNumber=AAAAAAAAAACgsQAAAAACBg%3D%3D", SERIAL),
        ("serialNumber=AAAAAAAAAACgsQAAAAACBg", SERIAL),
        ("v=2&serialNumber=AAAAAAAAAACgsQAAAAACBg==", SERIAL),
        ("serialnumber=AAAAAAAAAACgsQAAAAACBg==", SERIAL),
        ("serialNumber=garbage&serialNumber=AAAAAAAAAACgsQAAAAACBg==", SERIAL),
        (f"serialNumber={SERIAL.lower()}", SERIAL),
        (f"serialNumber={encode_serial(PLUS)}", PLUS),
        (f"serialNumber={encode_serial(PLUS).replace('+', '%2B')}", PLUS),
        (f"serialNumber={encode_serial(PLUS).replace('+', '-').rstrip('=')}", PLUS),
        ("", None),
        ("serialNumber", None),
        ("serialNumber=", None),
        ("serialNumber=AAAA", None),
        ("serialNumber=%ff%fe%00", None),
        ("serialNumber=\u00e9", None),
        ("other=AAAAAAAAAACgsQAAAAACBg==", None),
        ("&&&==&=;;%", None),
        ("x" * 10_000 + "&serialNumber=AAAAAAAAAACgsQAAAAACBg==", None),
    ],
)
def test_queries(query: str, expected: str | None) -> None:
    assert serial_from_query(query) == expected


def test_only_sixteen_bytes_are_written() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        encode_serial("00")
