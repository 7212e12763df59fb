"""What each app compiles when it is made: once in each process, where every test makes an app of its own.

The console's templates take a quarter of a second together, and the addresses of all pages some hundredths. Some
hundred tests would pay both. What is compiled is the same for the same source; each test renders and matches anew.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import CodeType
from typing import Any
from unittest.mock import patch

from flask import Flask
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
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


@contextmanager
def compiled_once() -> Iterator[None]:
    """Let all apps of this process share what is compiled for them."""
    with ExitStack() as undone:
        undone.enter_context(patch.dict(Flask.jinja_options, {"bytecode_cache": CompiledTemplates()}))
        undone.enter_context(patch.object(Rule, "_compile_builder", _built_once(Rule._compile_builder)))
        yield
