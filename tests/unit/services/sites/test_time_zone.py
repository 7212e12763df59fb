"""The names of time zones."""

import zoneinfo
from collections.abc import Iterator

import pytest

from engage_server.errors import UsageError
from engage_server.services.sites.time_zone import read_time_zone


@pytest.fixture(params=["of the system", "of the package"])
def _zones(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.param == "of the package":
        zoneinfo.reset_tzpath(to=[])
    yield
    zoneinfo.reset_tzpath()


@pytest.mark.usefixtures("_zones")
def test_zones_are_known_also_where_the_system_has_none() -> None:
    assert read_time_zone(" europe/BERLIN ") == "Europe/Berlin"
    assert read_time_zone("UTC") == "UTC"
    zone = zoneinfo.ZoneInfo.no_cache(read_time_zone("America/Sao_Paulo"))
    assert zone.key == "America/Sao_Paulo"


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("Europe/Berlim", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("../../etc/passwd", "an IANA name"),
        ("", "an IANA name"),
        ("localtime", ""),
        ("+02:00", ""),
        ("Europe", ""),
    ],
)
def test_others_are_refused_with_what_is_like_them(text: str, advice: str) -> None:
    with pytest.raises(UsageError, match="there is no time zone") as refused:
        read_time_zone(text)
    assert refused.value.code == "site.time_zone"
    assert advice in refused.value.next_step
