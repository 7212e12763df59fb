"""Names of devices."""

import pytest

from engage_server.errors import UsageError
from engage_server.links.kpn.device_name import DeviceName, NameKind, device_name, has_check_digit, read_imei, read_uuid

IMEI = "490154203237518"
UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.mark.parametrize(
    "text", [f"urn:dev:IMEI:{IMEI}:", f"urn:dev:IMEI:{IMEI}", f"URN:DEV:IMEI:{IMEI}:", f"urn:dev:IMEI:{IMEI}:door/1"]
)
def test_an_imei_is_read(text: str) -> None:
    assert device_name(text) == DeviceName(NameKind.IMEI, IMEI)


@pytest.mark.parametrize("text", [f"urn:dev:DVNUUID:{UUID}:", f"urn:dev:DVNUUID:{UUID.upper()}"])
def test_a_uuid_is_read(text: str) -> None:
    assert device_name(text) == DeviceName(NameKind.DVNUUID, UUID)


@pytest.mark.parametrize(
    "text",
    [
        "",
        IMEI,
        f"urn:dev:imei:{IMEI}:",
        f"urn:dev:IMEI:{IMEI[:-1]}:",
        f"urn:dev:IMEI:{IMEI}0:",
        f"urn:dev:IMEI:{IMEI}x",
        f" urn:dev:IMEI:{IMEI}:",
        f"urn:dev:IMEI: {IMEI}:",
        "urn:dev:IMEI:\u0664\u0669\u0660\u0661\u0665\u0664\u0662\u0660\u0663\u0662\u0663\u0667\u0665\u0661\u0668:",
        f"urn:dev:DVNUUID:{UUID[:-1]}:",
        f"urn:dev:DVNUUID:{UUID}0:",
        "urn:dev:DEVEUI:0059AC0000152E09:",
    ],
)
def test_anything_else_names_no_device(text: str) -> None:
    assert device_name(text) is None


def test_a_name_is_written_as_the_document_shows() -> None:
    assert str(DeviceName(NameKind.IMEI, IMEI)) == f"urn:dev:IMEI:{IMEI}:"


def test_the_check_digit_is_told() -> None:
    assert has_check_digit(IMEI)
    assert not any(has_check_digit(IMEI[:-1] + last) for last in "012345679")


@pytest.mark.parametrize("text", ["", "49015420323751", "4901542032375180", "49015420-323751-8", f"{IMEI}\n"])
def test_an_operator_gives_15_digits(text: str) -> None:
    assert read_imei(IMEI) == IMEI
    with pytest.raises(UsageError, match="not an IMEI"):
        read_imei(text)


def test_an_operator_gives_a_uuid() -> None:
    assert read_uuid(UUID.upper()) == UUID
    with pytest.raises(UsageError, match="not a UUID"):
        read_uuid(UUID[:-1])
