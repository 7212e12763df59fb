"""Which test modules one process runs: those that share a running server are together, so that it is started once."""

import re
from functools import cache

from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

from tests.support.checkout import ROOT

# fixtures of a whole run; the first that is named counts
_SERVERS = ("furnished", "shared_api", "shared_ingress", "legacy_pair", "shared_pair")


@cache
def together_with(module: str) -> str:
    """What all modules that share its server are called together; else its own name."""
    text = (ROOT / module).read_text(encoding="utf-8")
    named = (server for server in _SERVERS if re.search(rf"\b{server}: ", text))
    return next(named, module)


class ByServer(LoadFileScheduling):  # type: ignore[misc]
    """As ``--dist loadfile``, which gives a module to one process. Without this, each process starts each server."""

    def _split_scope(self, nodeid: str) -> str:
        return together_with(nodeid.split("::", 1)[0])
