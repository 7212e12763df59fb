"""Every text that the program can say, read off its source."""

import ast
import re
from functools import cache

from tests.support.checkout import ROOT

FIELD = "N"  # stands for what a message puts in


@cache
def messages() -> tuple[str, ...]:
    """Every string of the package; what an f-string puts in is one letter."""
    found = []
    for path in sorted((ROOT / "engage_server").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [str(each.value) if isinstance(each, ast.Constant) else FIELD for each in node.values]
                found.append("".join(parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(re.sub("%[sdr]", FIELD, node.value))
    return tuple(found)
