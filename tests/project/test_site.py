"""The site of the documentation: its navigation, what fails its build, and that it loads nothing from elsewhere."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.site import CONFIGURATION, SPHINX, module_of_the_site, write_pages

navigation, own_assets = module_of_the_site("navigation"), module_of_the_site("own_assets")
needs_sphinx = pytest.mark.skipif(not SPHINX.exists(), reason="Sphinx is not installed: scripts/docs does that")

_INDEX = """# Site

## Start

* [First](first.md): begin here.

## Background

* [Why](decisions/README.md): reasons.
"""
_GOOD = {
    "docs/index.md": _INDEX,
    "docs/first.md": "# First\n\n## Part\n\nSee [the part](#part), [why](decisions/0001-a.md#because).\n",
    "docs/decisions/README.md": "# Why\n\n1. [A](0001-a.md)\n",
    "docs/decisions/0001-a.md": "# 1. A\n\n## Because\n\nSee [the first](../first.md).\n",
}


def _build(folder: Path, pages: dict[str, str]) -> subprocess.CompletedProcess[str]:
    write_pages(folder, pages)
    strict = ("--quiet", "--fail-on-warning", "--keep-going")
    command = (SPHINX, *strict, "--conf-dir", CONFIGURATION, folder, folder / "out")
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_navigation_is_the_lists_of_the_index() -> None:
    assert navigation.groups(_INDEX) == {
        "Start": [("First", "first")],
        "Background": [("Why", "decisions/README")],
    }
    no_entries = "* [Elsewhere](https://example.org/a.md)\n* plain [link](b.md)\n2. [D](d.md#part)\n"
    assert navigation.groups(no_entries + "- [Here](../c.md): x\n3. [E](e.md)\n") == {
        "": [("Here", "../c"), ("E", "e")]
    }


def test_a_group_becomes_a_hidden_navigation_with_its_heading() -> None:
    written = navigation.toctrees("## Tasks\n\n* [Upgrade](upgrading.md)\n")
    assert written == "\n```{toctree}\n:hidden:\n:caption: Tasks\n\nUpgrade <upgrading>\n```\n"


def test_the_index_has_four_kinds_of_pages() -> None:
    index = (CONFIGURATION.parent / "index.md").read_text()
    assert list(navigation.groups(index)) == ["Start", "Tasks", "Background", "Reference"]


@needs_sphinx
@pytest.mark.long("scripts/check, which builds the whole site")
def test_a_sound_site_is_built_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    done = _build(tmp_path, _GOOD)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out" / "docs" / "first.html").exists()
    assert list(own_assets.from_elsewhere(tmp_path / "out")) == []
    assert "searchindex" in (tmp_path / "out" / "search.html").read_text()


@needs_sphinx
def test_each_fault_fails_the_build(tmp_path: Path) -> None:
    """In one build: each is reported by its own sentence, and none hides another."""
    bad = _GOOD | {
        "docs/index.md": _INDEX.replace("## Back", "* [Gone](gone.md)\n\n## Back"),
        "docs/first.md": "# First\n\n[page](nowhere.md) [anchor](decisions/0001-a.md#nothing) [own](#no-part)\n\n"
        '<script src="https://cdn.example.org/x.js"></script>\n',
        "docs/unlisted.md": "# In no list\n",
        "docs/decisions/0002-b.md": "# 2. B\n",
    }
    done = _build(tmp_path, bad)
    assert done.returncode == 1
    for sentence in (
        "reference target not found: 'nowhere.md'",
        "local id not found in doc 'docs/decisions/0001-a': 'nothing'",
        "target not found: 'no-part'",
        "unlisted.md: WARNING: document isn't included in any toctree",
        "0002-b.md: WARNING: document isn't included in any toctree",
        "nonexisting document 'docs/gone'",
        "first.html loads https://cdn.example.org/x.js from elsewhere",
    ):
        assert sentence in done.stderr, sentence


@pytest.mark.parametrize(
    ("name", "content", "loads"),
    [
        ("a.html", '<img src="//cdn.example.org/a.png">', "//cdn.example.org/a.png"),
        ("a.html", '<link rel="preconnect" href="https://fonts.example.org">', "https://fonts.example.org"),
        ("a.html", '<link rel="stylesheet" href="http://example.org/a.css">', "http://example.org/a.css"),
        ("a.html", '<p style="background:url(https://example.org/a)">', "https://example.org/a"),
        ("a.html", "<style>@import 'https://example.org/b';</style>", "https://example.org/b"),
        ("a.css", "@font-face{src:url(https://example.org/f.woff2)}", "https://example.org/f.woff2"),
        ("a.svg", '<svg><image href="https://example.org/a.png"/></svg>', "https://example.org/a.png"),
    ],
)
def test_what_comes_from_elsewhere_is_found(tmp_path: Path, name: str, content: str, loads: str) -> None:
    (tmp_path / name).write_text(content)
    assert list(own_assets.from_elsewhere(tmp_path)) == [f"{name} loads {loads} from elsewhere"]


def test_what_is_clicked_may_lead_anywhere(tmp_path: Path) -> None:
    page = '<a href="https://example.org">there</a><link rel="canonical" href="https://example.org/a"><img src="a.png">'
    (tmp_path / "a.html").write_text(page)
    (tmp_path / "a.css").write_text("a{background:url(data:image/png;base64,//8=)}")
    assert list(own_assets.from_elsewhere(tmp_path)) == []


def test_the_pictures_of_pages_lie_here() -> None:
    """Pages are read on a code host, too: there no build holds this."""
    pages = [*CONFIGURATION.parent.rglob("*.md"), CONFIGURATION.parents[1] / "README.md"]
    shown = [(page, target) for page in pages for target in re.findall(r"!\[[^]]*\]\(([^)]+)\)", page.read_text())]
    assert [target for page, target in shown if not (page.parent / target).is_file()] == []
    assert len(shown) >= 4
