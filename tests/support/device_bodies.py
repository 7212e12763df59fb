"""What devices are sent, as JSON."""

from typing import Any


def database(version: str = "0x10", users: tuple[int, ...] = (1, 2), delete_all: object = 1) -> dict[str, Any]:
    """An answer as partners write them."""
    records = {
        "deleteAll": delete_all,
        "delete": [],
        "update": [],
        "add": [{"usrID": n, "fnctn": "norm"} for n in users],
    }
    return {
        "db": {"usrRcrd": records, "schedules": [{"days": ["Mo"]}], "holidays": [], "autoUnlock": []},
        "config": {"relock": 3},
        "dbDwnLdTm": "20261121000000",
        "nxtDbVerTS": version,
    }
