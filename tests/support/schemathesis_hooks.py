"""Runs in schemathesis' own process: leads its valid requests to where something happens.

Left to chance, nearly every change would end at an unknown site, an old version or a chain that is none. So most of the
requests that are meant to be valid get the real site, any version and a real chain. The wrong ones stay as they are.
"""

import os
from pathlib import Path
from typing import Any

import schemathesis  # type: ignore[import-not-found]  # in an environment of its own

_CHAINS = sorted(Path(os.environ["API_CHAINS"]).glob("*.pem"))
_SITE = os.environ["API_SITE"]


def _chance(case: Any, what: str, of: int) -> bool:
    """One time of so many; the same for the same request, so that a failure can be repeated."""
    return hash((case.id, what)) % of == 0


@schemathesis.hook  # type: ignore[untyped-decorator]  # the judge's own
def before_call(_context: Any, case: Any, _options: Any) -> None:
    """Called before each request."""
    if case.meta is None or case.meta.generation.mode.value != "positive":
        return
    operation = case.operation.definition.raw
    names = {parameter["name"] for parameter in operation.get("parameters", ())}
    if "site" in names and not _chance(case, "site", 8):
        case.path_parameters["site"] = _SITE
    if "If-Match" in names and not _chance(case, "version", 8):
        case.headers = {**(case.headers or {}), "If-Match": "*"}
    if operation.get("operationId") == "stage_release" and not _chance(case, "chain", 4):
        chain = _CHAINS[hash((case.id, "which")) % len(_CHAINS)]
        case.body = {"pem": chain.read_text(), "reason": "the judge's"}
