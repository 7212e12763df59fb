"""The site of the documentation, for its tests: where it is configured, and its own modules, which no package holds."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

CONFIGURATION = Path(__file__).parents[2] / "docs" / "site"
SPHINX = Path(sys.prefix) / "share" / "docs" / "bin" / "sphinx-build"  # scripts/docs installs it


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
