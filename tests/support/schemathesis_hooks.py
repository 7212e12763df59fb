"""Runs in schemathesis' own process: leads its valid requests to where something happens, and reads problems' codes.

Left to chance, nearly every change would end at an unknown site, an old version or a chain that is none. So most of the
requests that are meant to be valid get the real site, a few devices, any version and real content. The wrong ones stay
as they are.
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import schemathesis  # type: ignore[import-not-found]  # in an environment of its own

_CHAINS = sorted(Path(os.environ["API_CHAINS"]).glob("*.pem"))
_SITE = os.environ["API_SITE"]
_SERIALS = os.environ["API_SERIALS"].split()
_REASON = "the judge's"
_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----\n?", re.DOTALL)


def _pick(case: Any, what: str, of: int) -> int:
    """A number below another one; the same for the same request, so that a failure can be repeated."""
    return hash((case.id, what)) % of


def _chain(case: Any) -> str:
    return _CHAINS[_pick(case, "chain", len(_CHAINS))].read_text()


def _database(case: Any) -> dict[str, Any]:
    database = {"usrRcrd": {"deleteAll": 1, "delete": [], "update": [], "add": []}, "schedules": [{}]}
    return {"db": database, "nxtDbVerTS": f"0x{_pick(case, 'version', 2**32):016X}"}


def _change(case: Any) -> dict[str, Any]:
    """What chance made, but for the hosts: no chain would fit them afterwards."""
    return {name: value for name, value in case.body.items() if name != "hosts"}


_BODIES: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "change_site": _change,
    "stage_release": lambda case: {"pem": _chain(case), "reason": _REASON},
    "check_chain": lambda case: {"pem": _KEY.sub("", _chain(case)), "site": _SITE},
    "activate_release": lambda case: {"accept_failing_doors": True, "reason": _REASON},
    "roll_back_release": lambda case: {"accept_failing_doors": True, "reason": _REASON},
    "start_rotation": lambda case: {"accept_failing_doors": True, "chains": {"next": {"pem": _chain(case)}}},
    "add_devices": lambda case: {"serials": _SERIALS[: 1 + _pick(case, "serials", len(_SERIALS))]},
    "change_device": lambda case: {"name": f"Door {_pick(case, 'name', 100)}"},
    "put_device_database": _database,
    "put_device_configuration": lambda case: {"invalidAttempts": _pick(case, "attempts", 10)},
}


@schemathesis.hook  # type: ignore[untyped-decorator]  # the judge's own
def before_call(_context: Any, case: Any, _options: Any) -> None:
    """Called before each request."""
    if case.meta is None or case.meta.generation.mode.value != "positive":
        return
    operation = case.operation.definition.raw
    names = {parameter["name"] for parameter in operation.get("parameters", ())}
    if "site" in names and "{site}" in case.operation.path and _pick(case, "site", 8):
        case.path_parameters["site"] = _SITE
    if "serial" in names and _pick(case, "serial", 8):
        case.path_parameters["serial"] = _SERIALS[_pick(case, "which", len(_SERIALS))]
    if "number" in names and _pick(case, "number", 4) == 0:
        case.path_parameters["number"] = 1 + _pick(case, "which", 8)
    if "If-Match" in names and not _is_seen(case) and _pick(case, "version", 8):
        is_first = "If-None-Match" in names and _pick(case, "first", 2) == 0
        rest = {name: value for name, value in (case.headers or {}).items() if not name.startswith("If-")}
        case.headers = {**rest, "If-None-Match" if is_first else "If-Match": "*"}
    if "Idempotency-Key" in names and _pick(case, "key", 4):  # chance likes few values, and each goes with one body
        case.headers = {**(case.headers or {}), "Idempotency-Key": f"judge-{case.id}"}
    made = _BODIES.get(operation.get("operationId"))
    if made is not None and (made is _change or _pick(case, "body", 4)):
        case.body = made(case)


def _is_seen(case: Any) -> bool:
    """Whether the request has an ETag of an answer before."""
    return re.fullmatch(r'"[\w-]+-[0-9a-f]{16}"', (case.headers or {}).get("If-Match", "")) is not None


@schemathesis.check  # type: ignore[untyped-decorator]  # the judge's own
def announced_code(_context: Any, response: Any, case: Any) -> None:
    """A problem has a code that the document lists at the operation and the status."""
    item = case.operation.schema.raw_schema["paths"][case.operation.path]
    operation = item.get(response.request.method.lower())  # none for a method that the judge made up
    if operation is None or "problem+json" not in response.headers.get("content-type", [""])[0]:
        return
    described = operation["responses"].get(str(response.status_code), {}).get("description")
    code = response.json()["code"]
    if described is not None:
        assert f"`{code}`" in described, f"the document does not list {code} for {response.status_code}"
