"""Reads one of the sample's two servers without running it: notice, TLS files, address to listen on. Pure."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from engage_server.services.vendor.source_text import UNKNOWN, Function, Source, Value, as_text, called_name, returned

_ROUTE = "certificates/current"

# for a script that is not Python 3, or makes its notice in an unknown way: what is in quotes
_URL = re.compile(r"""cert_url\\?["']\s*:\s*\\?["']([^"'\\]+)""")
_HASH = re.compile(r"""["']hash\\?["']\s*:\s*\\?["']([^"'\\]*)""")
_CERT_FILE = re.compile(r"""load_cert_chain\(\s*(?:certfile\s*=\s*)?[rb]?["']([^"']+)["']""")
_KEY_FILE = re.compile(r"""load_cert_chain\([^)]*?(?:keyfile\s*=\s*|,\s*)[rb]?["']([^"']+)["']""", re.DOTALL)
_RUN_HOST = re.compile(r"""app\.run\([^)]*?host\s*=\s*["']([^"']+)["']""", re.DOTALL)


class NoticeReading(StrEnum):
    """The result of reading a script's notice."""

    READ = "read"
    RETURNS_NOTHING = "returns_nothing"  # its route returns None, so Flask answers 500 and no device gets it
    UNREADABLE = "unreadable"  # only a run would show it
    ABSENT = "absent"  # the script has no such route


@dataclass(frozen=True, slots=True)
class VendorScript:
    """One of the two servers.

    Attributes:
        path: The path of the script.
        notice: Whether its notice could be read.
        cert_url, hash_text: The fields of its notice; "" if missing. Parts that only a run would show are UNKNOWN.
        cert_file, key_file: The files that it loads for TLS, as written; "" for the plain one.
        run_host: The address that it listens on; "" if none was found.
        is_json: Whether its notice is JSON, as far as known.
    """

    path: Path
    notice: NoticeReading
    cert_url: str
    hash_text: str
    cert_file: str
    key_file: str
    run_host: str
    is_json: bool = True

    @property
    def has_hash(self) -> bool:
        """Whether the hash of its notice is known. The script may still never give the notice."""
        return bool(self.hash_text) and UNKNOWN not in self.hash_text

    @property
    def cert_name(self) -> str:
        """The file that its notice names; "" if there is none, or it is unknown."""
        try:
            name = PurePosixPath(unquote(urlsplit(self.cert_url).path)).name
        except ValueError:
            return ""
        return "" if UNKNOWN in name else name


def read_script(path: Path, text: str) -> VendorScript | None:
    """Read a script; None for a script that neither gives a notice nor serves TLS.

    Args:
        path: The path of the script, for messages.
        text: Its source.
    """
    try:
        script = _of_source(path, Source(text))
    except ValueError:
        script = _of_text(path, text)
    return script if script.notice is not NoticeReading.ABSENT or script.cert_file else None


def _of_source(path: Path, source: Source) -> VendorScript:
    notice, (url, hash_text) = _notice(source)
    cert, key = next(_tls_files(source), ("", ""))
    is_json = not any(_is_other_text(value) for value in _given(source) if _notice_in(value))
    return VendorScript(path, notice, url, hash_text, cert, key, next(_run_hosts(source), ""), is_json)


def _given(source: Source) -> Iterator[Value]:
    """The values that the route can return."""
    for route in _routes(source):
        yield from (source.value(each, route) for each in returned(route) if each is not None)


def _is_other_text(value: Value) -> bool:
    """Whether it is a fully known text that is not JSON. Python's own text of an object has other quotes."""
    if not isinstance(value, str) or UNKNOWN in value:
        return False
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return True
    return False


def _routes(source: Source) -> list[Function]:
    return [each for each in source.functions() if _is_route(each)] or list(_added_routes(source))


def _notice(source: Source) -> tuple[NoticeReading, tuple[str, str]]:
    """The notice that the route returns; if the route answers in an unknown way, any notice in the script."""
    given = [(route, each) for route in _routes(source) for each in returned(route)]
    for route, expression in given:
        found = _notice_in(source.value(expression, route)) if expression is not None else None
        if found is not None and all(found) and UNKNOWN not in found[1]:
            return NoticeReading.READ, found
    if given and not any(_says_something(source, route, each) for route, each in given):
        return NoticeReading.RETURNS_NOTHING, next(_notices_anywhere(source), ("", ""))
    partial = [_notice_in(source.value(each, route)) for route, each in given if each is not None]
    best = next((each for each in partial if each is not None), ("", ""))
    if given:
        return NoticeReading.UNREADABLE, best
    anywhere = next(_notices_anywhere(source), None)
    if anywhere is not None:
        is_known = all(anywhere) and UNKNOWN not in anywhere[1]
        return NoticeReading.READ if is_known else NoticeReading.UNREADABLE, anywhere
    is_there = any(isinstance(each, ast.Constant) and _ROUTE in str(each.value) for each in ast.walk(source.tree))
    return NoticeReading.UNREADABLE if is_there else NoticeReading.ABSENT, ("", "")


def _says_something(source: Source, route: Function, expression: ast.expr | None) -> bool:
    return expression is not None and source.value(expression, route) is not None


def _is_route(function: Function) -> bool:
    """Whether it has ``@app.route("/swordfish/lock/certificates/current")``, ``@app.get(...)`` or a blueprint's."""
    calls = [each for each in function.decorator_list if isinstance(each, ast.Call)]
    constants = [each for call in calls for each in ast.walk(call) if isinstance(each, ast.Constant)]
    return any(_ROUTE in str(each.value) for each in constants)


def _added_routes(source: Source) -> Iterator[Function]:
    """The functions in ``app.add_url_rule("...", view_func=current)``."""
    named = {each.name: each for each in source.functions()}
    for call in _calls(source, "add_url_rule"):
        parts = [*call.args, *(each.value for each in call.keywords)]
        if any(isinstance(each, ast.Constant) and _ROUTE in str(each.value) for each in parts):
            yield from (named[each.id] for each in parts if isinstance(each, ast.Name) and each.id in named)


def _notices_anywhere(source: Source) -> Iterator[tuple[str, str]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant | ast.JoinedStr | ast.Dict | ast.Call | ast.BinOp):
            found = _notice_in(source.value(node))
            if found is not None:
                yield found


def _notice_in(value: Value) -> tuple[str, str] | None:
    """``cert_url`` and ``hash`` of an object, or of a text that should be JSON; None if it has neither."""
    if isinstance(value, str):
        try:
            read = json.loads(value)
        except (ValueError, RecursionError):
            found = _first(_URL, value), _first(_HASH, value)
            return found if any(found) else None
        value = read if isinstance(read, dict) else None
    if not isinstance(value, dict) or not {"cert_url", "hash"} & value.keys():
        return None
    return as_text(value.get("cert_url", "")), as_text(value.get("hash", ""))


def _tls_files(source: Source) -> Iterator[tuple[str, str]]:
    """The files of ``context.load_cert_chain(...)``, or ``app.run(ssl_context=(cert, key))``."""
    for call in _calls(source, "load_cert_chain"):
        named = {each.arg: each.value for each in call.keywords}
        parts = [*call.args, *(named[name] for name in ("certfile", "keyfile") if name in named)]
        texts = [as_text(source.value(each)) for each in parts]
        if texts:
            yield texts[0], texts[1] if len(texts) > 1 else ""
    for call in _calls(source, "run"):
        for each in call.keywords:
            if each.arg == "ssl_context" and isinstance(each.value, ast.Tuple) and len(each.value.elts) == 2:
                cert, key = (as_text(source.value(part)) for part in each.value.elts)
                yield cert, key


def _run_hosts(source: Source) -> Iterator[str]:
    for call in _calls(source, "run"):
        for each in call.keywords:
            host = as_text(source.value(each.value)) if each.arg == "host" else ""
            if host and UNKNOWN not in host:
                yield host


def _calls(source: Source, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and called_name(node) == name:
            yield node


def _of_text(path: Path, text: str) -> VendorScript:
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    url, hash_text = _first(_URL, code), _first(_HASH, code)
    absent = NoticeReading.UNREADABLE if _ROUTE in code or url else NoticeReading.ABSENT
    return VendorScript(
        path=path,
        notice=NoticeReading.READ if url and hash_text else absent,
        cert_url=url,
        hash_text=hash_text,
        cert_file=_first(_CERT_FILE, code),
        key_file=_first(_KEY_FILE, code),
        run_host=_first(_RUN_HOST, code),
    )


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1].strip() if found else ""
