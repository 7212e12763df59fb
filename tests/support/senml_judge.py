"""Reads or writes a SenML pack with the libraries of others. A program: it runs in the environment of those libraries.

Standard input is JSON: ``{"read": PACK}`` prints what the library ``senml`` makes of it. ``{"write": {...}}`` prints
what KPN's library writes for these values. One task a line, one answer a line.
"""

import builtins
import json
import sys
from typing import Any


def read(pack: Any) -> Any:
    """Resolved values by ``senml`` (2016, eistec). It knows base values in the first record alone."""
    import senml  # type: ignore[import-not-found]  # in an environment of its own

    document = senml.SenMLDocument.from_json(pack)
    resolved = [each.to_absolute(document.base) for each in document.measurements]
    return [[each.name, each.unit, each.value, each.time] for each in resolved]


def write(task: Any) -> Any:
    """A pack by ``kpn-senml`` (KPN)."""
    builtins.basestring = str  # type: ignore[attr-defined]  # which the library asks for: it was written for Python 2
    import kpn_senml  # type: ignore[import-not-found]  # in an environment of its own

    pack = kpn_senml.SenmlPack(task["name"])
    pack.base_time, pack.base_value, pack.base_unit = task["time"], task["value"], task["unit"]
    for name, value, time in task["records"]:
        pack.add(kpn_senml.SenmlRecord(name, value=value, time=time))
    return json.loads(pack.to_json())


def main() -> None:
    """Answer every line."""
    for line in sys.stdin:
        ((verb, task),) = json.loads(line).items()
        print(json.dumps({"read": read, "write": write}[verb](task)), flush=True)  # noqa: T201  # a program's output


if __name__ == "__main__":
    main()
