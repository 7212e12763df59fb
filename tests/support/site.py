"""The site of the documentation, for its tests: where it is configured, and its own modules, which no package holds."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

CONFIGURATION = Path(__file__).parents[2] / "docs" / "site"
SPHINX = Path(sys.prefix) / "share" / "docs" / "bin" / "sphinx-build"  # scripts/docs installs it

BUILT = CONFIGURATION.parents[1] / "build" / "site"  # by scripts/docs


def is_built() -> bool:
    """Whether :data:`BUILT` is the site of today: no file of this checkout, tracked or not, is later than it."""
    index = BUILT / "searchindex.js"  # index.html is copied, with its time
    if not index.exists():
        return False
    root = CONFIGURATION.parents[1]
    command = ("git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.md", "docs")
    listed = subprocess.run(command, capture_output=True, check=False).stdout.decode().split("\0")[:-1]
    pages = [root / each for each in listed if (root / each).exists()]
    return bool(pages) and max(page.stat().st_mtime for page in pages) < index.stat().st_mtime


def module_of_the_site(name: str) -> ModuleType:
    """A module beside ``conf.py``. Sphinx finds it by its path, and nobody else may."""
    spec = importlib.util.spec_from_file_location(name, CONFIGURATION / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_pages(folder: Path, pages: dict[str, str]) -> None:
    """Lay out a small checkout: paths and contents."""
    for name, content in pages.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
