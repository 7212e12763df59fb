"""What people read keeps to the list of words, and to short sentences."""

import json
import re
from pathlib import Path

import pytest

from tests.project.plain_speech import ROOT, faults, of_docstring, of_module, of_page, of_template, sentences, word_list

_PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")})
_TEMPLATES = sorted((ROOT / "engage_server").rglob("templates/**/*.html"))
_SCRIPTS = [
    *sorted(path for path in (ROOT / "scripts").iterdir() if path.is_file()),
    *(ROOT / "deploy" / name for name in ("container/start", "systemd/engage")),
]
_HISTORY = {"CHANGELOG.md"}  # entries of versions that are out stay as they are
_PACKAGES = sorted(
    path
    for folder in (ROOT / "engage_server", ROOT / "engage_server" / "services")
    for path in folder.iterdir()
    if path.suffix == ".py" or (path.is_dir() and path.name not in ("services", "__pycache__"))
)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _faults(path: Path) -> list[str]:
    if path.suffix == ".md":
        return [f"{fault}: {each}" for each in of_page(path.read_text(encoding="utf-8")) for fault in faults(each)]
    return [
        f"{each.place}: {fault}: {each.text}"
        for module in (sorted(path.rglob("*.py")) if path.is_dir() else [path])
        for each in of_module(module)
        for fault in faults(each.text)
    ]


@pytest.mark.parametrize("path", [each for each in (*_PAGES, *_PACKAGES) if each.name not in _HISTORY], ids=_name)
def test_it_keeps_to_the_list_and_is_short(path: Path) -> None:
    assert _faults(path) == []


@pytest.mark.parametrize("path", _TEMPLATES, ids=_name)
def test_what_a_browser_shows_keeps_to_it(path: Path) -> None:
    shown = list(of_template(path.read_text(encoding="utf-8")))
    assert [f"{fault}: {each}" for each in shown for fault in faults(each)] == []


def test_what_monitoring_shows_keeps_to_it() -> None:
    rules = (ROOT / "deploy" / "prometheus" / "alerts.yml").read_text(encoding="utf-8")
    shown = re.findall(r'^ +(?:summary|next): "(.*)"$', rules, re.MULTILINE)
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "dashboard.json").read_text(encoding="utf-8"))
    shown += [panel.get(part, "") for panel in dashboard["panels"] for part in ("title", "description")]
    texts = [each for text in shown for each in sentences(re.sub(r"{{.*?}}", "CODE", text))]
    assert len(texts) > 60
    assert [(fault, each) for each in texts for fault in faults(each)] == []


@pytest.mark.parametrize("path", _SCRIPTS, ids=_name)
def test_what_scripts_print_keeps_to_it(path: Path) -> None:
    printed = re.findall(r"(?:fail|echo|printf|description:) +(.+)", path.read_text(encoding="utf-8"))
    quoted = [text for line in printed for pair in re.findall(r"\"([^\"]*)\"|'([^']*)'", line) for text in pair]
    assert [(fault, each) for text in quoted for each in sentences(text) for fault in faults(each)] == []


def test_the_list_is_read() -> None:
    assert len(word_list()) > 10


@pytest.mark.parametrize(
    "sentence",
    [
        "It can not be read.",
        "Mend the file.",
        "It was told to the operator.",
        "It was read anew.",
        "3 host(s) serve.",
        "Stop; look; go on.",
        " ".join(["word"] * 26),
    ],
)
def test_a_fault_is_found(sentence: str) -> None:
    assert faults(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "It cannot be read.",
        "The teller counts; the amendment holds.",
        " ".join(["word"] * 25),
        "- ; -> = " + " ".join(["word"] * 25),
    ],
)
def test_what_is_right_passes(sentence: str) -> None:
    assert faults(sentence) == []


def test_a_paragraph_is_divided() -> None:
    text = (
        "First (see RFC 5280 section 4.2). Second, e.g. this one! `engage` begins the third.\nIs this the fourth? Yes."
    )
    assert len(sentences(text)) == 5


def test_of_a_page_all_is_read_but_code() -> None:
    table = "| a | b |\n|---|---|\n| cell | other |\n"
    page = f"# Heading\n\nOne `mend x` two.\n\n* item\n  goes on\n\n{table}\n```\nmend\n```\n"
    assert list(of_page(page)) == ["Heading", "One CODE two.", "item goes on", "a", "b", "cell", "other"]


def test_of_a_template_all_is_read_but_code_and_tags() -> None:
    lists = "<li>{% if a %}One{% else %}Two{% endif %}</li><td>cell</td>"
    template = (
        f'{{# mend #}}<p class="mend"><strong>It is {{{{ mend }}}}.</strong> <code>mend</code> goes\non.</p>{lists}'
    )
    assert list(of_template(template)) == ["It is CODE .", "CODE goes on.", "One", "Two", "cell"]
    assert list(of_template('{{ "four words stand here" if mend }}')) == ["four words stand here", "CODE"]


def test_of_a_docstring_each_entry_is_read_apart() -> None:
    arguments = "Args:\n    tell: Called with ``mend``.\n    other, more: Both\n        go on.\n"
    docstring = f"Does it.\n\n{arguments}\nRaises:\n    KeyError: No."
    assert list(of_docstring(docstring)) == ["Does it.", "Called with CODE.", "Both go on.", "No."]


def test_of_a_module_all_is_read_but_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.project.plain_speech.ROOT", tmp_path)
    module = tmp_path / "x.py"
    lines = (
        '"""Mend it."""',
        "",
        'name = f"cannot read {1 + 1}" " of the file"',
        'key = "a b"',
        'sql = "SELECT tell FROM a"',
    )
    module.write_text("\n".join(lines))
    assert [(each.place, each.text) for each in of_module(module)] == [
        ("x.py:1", "Mend it."),
        ("x.py:3", "cannot read CODE of the file"),
    ]
