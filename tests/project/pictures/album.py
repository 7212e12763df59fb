"""All pictures, and where they lie. Run as a program, this module writes them."""

from datetime import UTC, datetime
from pathlib import Path

from engage_server.pki.issuing.authority import ChainPlan, build_chain
from engage_server.records import Host
from tests.project.pictures.chain_bytes import chain_bytes
from tests.project.pictures.request_flow import request_flow
from tests.project.pictures.rotation_ways import rotation_ways
from tests.project.pictures.trust import trust

FOLDER = Path(__file__).parents[3] / "docs" / "pictures"
_HOSTS = (Host("locks.example.org"),)
# a day of its own: names hold the year, and the same day gives the same sizes
_DAY = datetime(2026, 11, 26, 12, tzinfo=UTC)


def album() -> dict[str, str]:
    """Each picture's file name and content. Keys are fresh each time, and no picture depends on them."""
    built = build_chain(ChainPlan(_HOSTS, label=str(_DAY.year)), _DAY)
    return {
        "trust.svg": trust().svg(),
        "request-flow.svg": request_flow(built.chain).svg(),
        "rotation-ways.svg": rotation_ways(built, _HOSTS, _DAY).svg(),
        "chain-bytes.svg": chain_bytes(built.chain).svg(),
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, content in album().items():
        (FOLDER / name).write_text(content, encoding="utf-8")
