"""What somebody gets who installs this: its license, and a version that the changelog knows."""

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from engage_server import __version__

ROOT = Path(__file__).parents[2]
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(\.dev\d+)?")


def disagreement(version: str, changelog: str) -> str:
    """What is wrong between a version and a changelog; "" when they agree.

    Changes that nobody has released stand under "Unreleased", and the version is that of development: above the newest
    release. A release has its version, and a day, as its heading.
    """
    first, *others = re.findall(r"^## (.+)$", changelog, re.MULTILINE)
    released = [_numbers(each) for each in (first, *others) if each != "Unreleased"]
    if released != sorted(released, reverse=True):
        return "the changelog's versions do not go down"
    if first != "Unreleased":
        return "" if first.split()[0] == version else f"the changelog begins with {first}"
    if ".dev" not in version:
        return f"{version} is a release, and the changelog begins with changes that are not released"
    return "" if _numbers(version) > max(released, default=(0, 0, 0)) else f"{version} is not above what was released"


def _numbers(version: str) -> tuple[int, ...]:
    match = _VERSION.match(version)
    assert match is not None, version
    return tuple(int(each) for each in match.groups()[:3])


def test_version_and_changelog_agree() -> None:
    assert disagreement(__version__, (ROOT / "CHANGELOG.md").read_text()) == ""


@pytest.mark.parametrize(
    ("version", "headings", "wrong"),
    [
        ("0.2.0.dev0", ("Unreleased", "0.1.0"), ""),
        ("0.1.0.dev0", ("Unreleased",), ""),
        ("0.2.0", ("0.2.0 - 2026-12-01", "0.1.0"), ""),
        ("0.1.0", ("Unreleased", "0.1.0"), "0.1.0 is a release"),
        ("0.1.0.dev0", ("Unreleased", "0.1.0"), "not above"),
        ("0.2.0", ("0.3.0", "0.1.0"), "begins with 0.3.0"),
        ("0.3.0", ("0.3.0", "0.1.0", "0.2.0"), "do not go down"),
    ],
)
def test_disagreement_is_found(version: str, headings: tuple[str, ...], wrong: str) -> None:
    found = disagreement(version, "".join(f"## {heading}\n\ntext\n" for heading in headings))
    assert (found == "") == (wrong == "")
    assert wrong in found


def _built(folder: Path) -> tuple[str, list[str], list[str]]:
    """Build wheel and sdist of the smallest tree that our settings accept: METADATA, and the names in both."""
    (folder / "engage_server").mkdir(parents=True)
    for name in ("pyproject.toml", "README.md", "LICENSE", "engage_server/__init__.py"):
        shutil.copy(ROOT / name, folder / name)
    build = "from setuptools import build_meta as b; b.build_wheel('out'); b.build_sdist('out')"
    subprocess.run([sys.executable, "-c", build], cwd=folder, capture_output=True, check=True)
    with zipfile.ZipFile(next((folder / "out").glob("*.whl"))) as wheel:
        names = wheel.namelist()
        metadata = wheel.read(next(name for name in names if name.endswith("/METADATA"))).decode()
    with tarfile.open(next((folder / "out").glob("*.tar.gz"))) as sdist:
        return metadata, names, sdist.getnames()


def test_the_license_is_the_one_that_is_named() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (project["license"], project["license-files"]) == ("MIT", ["LICENSE"])
    assert (ROOT / "LICENSE").read_text().startswith("MIT License\n\nCopyright (c) 2026 the engage-server authors\n")


@pytest.mark.long("the license that is named, above")
def test_wheel_and_sdist_carry_the_license(tmp_path: Path) -> None:
    metadata, wheel, sdist = _built(tmp_path)
    assert "License-Expression: MIT\n" in metadata
    assert "License-File: LICENSE\n" in metadata
    assert f"Version: {__version__}\n" in metadata
    assert [name.partition("/")[2] for name in wheel if "LICENSE" in name] == ["licenses/LICENSE"]
    assert [name.partition("/")[2] for name in sdist if "LICENSE" in name] == ["LICENSE"]
    assert not [name for name in wheel if name.endswith(".1")], "none were written"


@pytest.mark.long("that each command has a page, in test_man_pages.py")
def test_a_wheel_carries_the_man_pages_that_were_written(tmp_path: Path) -> None:
    """As ``scripts/wheel`` writes them."""
    (tmp_path / "tree" / "build" / "man").mkdir(parents=True)
    (tmp_path / "tree" / "build" / "man" / "engage-init.1").write_text(".TH ENGAGE-INIT 1\n")
    _, wheel, _ = _built(tmp_path / "tree")
    assert [name.partition("/")[2] for name in wheel if ".1" in name] == ["data/share/man/man1/engage-init.1"]
