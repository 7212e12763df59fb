"""Reads pages, help, messages, docstrings and templates, and finds words of the list and long sentences.

The list stands in CONTRIBUTING.md, under the heading "Words": the table there is what this module reads.

1. A page gives its paragraphs, list items, headings and cells. Code blocks are left out. Code in a line is one word.
2. A module gives its docstrings and its other strings of four words or more; what an f-string puts in is one word.
3. A template gives the text between its tags, and strings of four words or more in its expressions.
4. A text is divided into sentences. A docstring's ``Args:`` and the like begin a new one with each entry.
5. Each sentence is held against the list and counted.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
MOST_WORDS = 25

_CODE = "CODE"  # stands for code in a line, and for what an f-string puts in
_SECTION = re.compile(r"^ *(Args|Attributes|Raises|Returns|Yields):\s*$")
_ENTRY = re.compile(r"^( {4,8}|)(\*{0,2}[A-Za-z_]\w*(, \*{0,2}\w+)*|\d+): ")
_LIST_ITEM = re.compile(r"^ *([-*]|\d+\.) ")
_SQL = re.compile(r"\s*(DELETE FROM|INSERT INTO|SELECT|UPDATE) ")
_EXPRESSION = re.compile(r"{{.*?}}|{%.*?%}", re.DOTALL)
_IN_A_SENTENCE = re.compile(r"</?(?:a|b|em|kbd|small|span|strong|time)\b[^>]*>")
_END = re.compile(r"(?<=[.!?])[)\"']*\s+(?=[\"'(]?[A-Z0-9`(\"])")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, and where it stands."""

    place: str
    text: str


@dataclass(frozen=True, slots=True)
class ListedWord:
    """A row of the list: what is not written, and what is written instead."""

    pattern: re.Pattern[str]
    instead: str


@cache
def word_list() -> tuple[ListedWord, ...]:
    """The list of CONTRIBUTING.md. Each form stands in backticks; a row may have several."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.partition("\n## Words\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    found = []
    for forms, instead, *_ in rows:
        spelled = [re.escape(form).replace(r"\ ", r"\s+") for form in re.findall("`([^`]+)`", forms)]
        bounds = [
            (r"\b" if form[0].isalpha() else "") + form + (r"\b" if form[-1].isalpha() else "") for form in spelled
        ]
        found.append(ListedWord(re.compile("|".join(bounds), re.IGNORECASE), instead.strip()))
    return tuple(found)


def faults(sentence: str) -> list[str]:
    """What is wrong with a sentence."""
    found = [
        f"{match[0]!r}: write {word.instead}"
        for word in word_list()
        if (match := word.pattern.search(sentence)) is not None
    ]
    count = len([word for word in sentence.split() if re.search(r"\w", word)])
    if count > MOST_WORDS:
        found.append(f"{count} words in one sentence")
    if sentence.count("; ") > 1:
        found.append("a chain of semicolons")
    return found


def sentences(text: str) -> list[str]:
    """The sentences of one paragraph."""
    return [each.strip() for each in _END.split(re.sub(r"\s+", " ", text)) if each.strip()]


def of_page(markdown: str) -> Iterator[str]:
    """The sentences of a page."""
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        if token.type == "inline":
            yield from sentences(_inline(token.children or []))


def _inline(children: Sequence[Token]) -> str:
    parts = []
    for child in children:
        if child.type == "text":
            parts.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif child.type == "code_inline":
            parts.append(_CODE)
    return "".join(parts)


def of_template(template: str) -> Iterator[str]:
    """The sentences of a template: what it writes in an expression is one word, and a tag ends a paragraph."""
    text = re.sub(r"{#.*?#}", "", template, flags=re.DOTALL)
    for expression in _EXPRESSION.findall(text):
        for quoted in re.findall(r'"([^"]*)"', expression):
            yield from (each for _, prose in _if_prose(0, quoted) for each in _parts(prose))
    text = re.sub(r"<code>.*?</code>|{{.*?}}", f" {_CODE} ", text, flags=re.DOTALL)
    text = _IN_A_SENTENCE.sub("", re.sub(r"{%.*?%}", "\n\n", text, flags=re.DOTALL))
    for paragraph in re.split(r"<[^>]*>|\n\s*\n", text):
        yield from sentences(paragraph)


def of_docstring(docstring: str) -> Iterator[str]:
    """The sentences of a docstring, each entry of its lists apart."""
    paragraph: list[str] = []
    for line in [*_without_code(docstring).splitlines(), ""]:
        begins = _LIST_ITEM.match(line) or _ENTRY.match(line)
        if not line.strip() or _SECTION.match(line) or begins or line.lstrip().startswith("|"):
            yield from sentences(" ".join(paragraph))
            paragraph = []
        if line.strip() and not _SECTION.match(line) and not line.lstrip().startswith("|"):
            paragraph.append(line[begins.end() :] if begins else line)


def _without_code(text: str) -> str:
    text = re.sub(r"::\n\n(?:[ ]+.*\n|\n)+", ".\n\n", text)
    return re.sub(r":\w+:`[^`]*`|``[^`]*``|`[^`]*`", _CODE, text)


def of_module(path: Path) -> Iterator[Sentence]:
    """The sentences of a module: docstrings first, then strings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    name = str(path.relative_to(ROOT))
    docstrings = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring is not None:
                docstrings.add(id(node.body[0].value))  # type: ignore[attr-defined]  # it is an expression
                line = getattr(node, "lineno", 1)
                yield from (Sentence(f"{name}:{line}", each) for each in of_docstring(docstring))
    yield from (Sentence(f"{name}:{line}", each) for line, text in _strings(tree, docstrings) for each in _parts(text))


def _strings(tree: ast.AST, docstrings: set[int]) -> Iterator[tuple[int, str]]:
    """Every string of four words or more that is neither a docstring nor SQL; of an f-string its text, as one."""
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inside |= {id(each) for each in node.values}
            text = "".join(str(each.value) if isinstance(each, ast.Constant) else _CODE for each in node.values)
            yield from _if_prose(node.lineno, text)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (docstrings | inside):
            yield from _if_prose(node.lineno, node.value)


def _if_prose(line: int, text: str) -> Iterator[tuple[int, str]]:
    if len(re.findall(r"[A-Za-z]{2,}", text)) >= 4 and not _SQL.match(text):
        yield line, text


def _parts(text: str) -> Iterator[str]:
    """The sentences of a string; click's paragraphs of examples, which begin with a backspace, are left out."""
    for paragraph in re.split(r"\n\s*\n|\n(?=\s)", text):
        if "\b" not in paragraph:
            yield from sentences(re.sub(r"``[^`]*``|`[^`]*`|'[^']*'", _CODE, paragraph))
