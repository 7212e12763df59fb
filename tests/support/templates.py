"""Templates of the pages: compiled once in each process, where every test makes an app of its own.

The console's templates take a quarter of a second together, and some hundred tests would pay it. What is compiled is
the same for the same source in environments of the same make; each test renders it anew.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType
from unittest.mock import patch

from flask import Flask
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket


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


@contextmanager
def compiled_templates() -> Iterator[None]:
    """Let all apps of this process share what Jinja compiles."""
    with patch.dict(Flask.jinja_options, {"bytecode_cache": CompiledTemplates()}):
        yield
