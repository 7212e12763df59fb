"""What each app compiles when it is made: once in each process, where every test makes an app of its own.

The console's templates take a quarter of a second together, and the addresses of all pages some hundredths. Some
hundred tests would pay both. What is compiled is the same for the same source; each test renders and matches anew.
The same goes for SQL: each test has its own engine, which would compile each statement that its pages and services ask.
"""

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from types import CodeType
from typing import Any
from unittest.mock import patch

from flask import Flask
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule


class CompiledTemplates(BytecodeCache):
    """What Jinja compiled in this process, by the make of the environment, by name and by source."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], CodeType] = {}
        self._makes: dict[tuple[object, ...], int] = {}

    def get_bucket(self, environment: Environment, name: str, filename: str | None, source: str) -> Bucket:
        """As Jinja does, which takes all environments for the same."""
        make = self._makes.setdefault(_make_of(environment, name), len(self._makes))
        return super().get_bucket(environment, name, f"{filename} {make}", source)

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take what is known."""
        bucket.code = self._known.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        assert bucket.code is not None
        self._known[bucket.key, bucket.checksum] = bucket.code


def _make_of(environment: Environment, name: str) -> tuple[object, ...]:
    """All that the compiler asks of an environment: it computes constants with these functions."""
    functions = *environment.filters.items(), *environment.tests.items(), environment.finalize, environment.undefined
    escapes = environment.autoescape(name) if callable(environment.autoescape) else environment.autoescape
    return *functions, *environment.extensions, environment.trim_blocks, environment.lstrip_blocks, escapes


def _built_once(build: Callable[..., Any]) -> Callable[..., Any]:
    """Werkzeug's functions that write an address: they ask the rule that they are bound to for all but its text."""
    known: dict[tuple[object, ...], Any] = {}

    def built(rule: Rule, append_unknown: bool = True) -> Any:
        if rule.defaults:  # these are computed into the function
            return build(rule, append_unknown)
        source = rule.rule, tuple(rule._trace), append_unknown
        if source not in known:
            known[source] = build(rule, append_unknown)
        return known[source]

    return built


class CompiledStatements(MutableMapping[tuple[Any, ...], Any]):
    """The statements that the engines of this process compiled, for each make of a database.

    An engine's own cache names its dialect, of which each engine has another one: it also holds what to do to connect.
    """

    def __init__(self) -> None:
        self._known: LRUCache[Any, Any] = LRUCache(4000)

    def __getitem__(self, key: tuple[Any, ...]) -> Any:
        return self._known[_of_make(key)]

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        """As a mapping does it, in one step: other threads may remove the statement meanwhile."""
        return self._known.get(_of_make(key), default)

    def __setitem__(self, key: tuple[Any, ...], statement: Any) -> None:
        self._known[_of_make(key)] = statement

    def __delitem__(self, key: tuple[Any, ...]) -> None:
        del self._known[_of_make(key)]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def _of_make(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """The key, with all that the compiler asks of a dialect in the dialect's place."""
    dialect: Dialect = key[0]
    return type(dialect), dialect.paramstyle, dialect.server_version_info, dialect.default_schema_name, *key[1:]


def _sharing(statements: CompiledStatements, make: Callable[..., None]) -> Callable[..., None]:
    def made(engine: Engine, *arguments: Any, **options: Any) -> None:
        make(engine, *arguments, **options)
        if engine._compiled_cache is not None:  # an engine may be asked to keep none
            engine._compiled_cache = statements

    return made


@contextmanager
def compiled_once() -> Iterator[None]:
    """Let all apps of this process share what is compiled for them."""
    with ExitStack() as undone:
        undone.enter_context(patch.dict(Flask.jinja_options, {"bytecode_cache": CompiledTemplates()}))
        undone.enter_context(patch.object(Rule, "_compile_builder", _built_once(Rule._compile_builder)))
        undone.enter_context(patch.object(Engine, "__init__", _sharing(CompiledStatements(), Engine.__init__)))
        yield
