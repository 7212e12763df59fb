"""html-validate, which judges the very HTML that was served: by the standard, and stricter than any browser."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.browser import JUDGES, NODE

_PROGRAM = JUDGES / "html-validate" / "bin" / "html-validate.mjs"
_RULES = Path(__file__).with_name("html-validate.mjs")
needs_html_validate = pytest.mark.skipif(
    not _PROGRAM.exists(), reason="html-validate is not there: npm fetches it in scripts/test --all"
)


def faults(folder: Path, pages: Mapping[str, str]) -> dict[str, list[str]]:
    """Ask about pages, all at once: starting the program takes longer than a page.

    Args:
        folder: An empty one, for the pages.
        pages: HTML by name.

    Returns:
        The faults by the page's name. Pages without a fault are not in it.
    """
    files = {f"{place}.html": name for place, name in enumerate(pages)}
    for file, name in files.items():
        (folder / file).write_text(pages[name], encoding="utf-8")
    told_in = folder / "faults.json"  # it ends before all of a long report has left it by a pipe
    command = [NODE, str(_PROGRAM), "--config", str(_RULES), "--formatter", f"json={told_in}", *files]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, list[str]] = {}
    for report in json.loads(told_in.read_text(encoding="utf-8")):
        told = [f"{each['line']}: {each['ruleId']}: {each['message']}" for each in report["messages"]]
        if told:
            found[files[Path(report["filePath"]).name]] = told
    return found
