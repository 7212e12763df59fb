"""Holds a value against a schema of the contract. What is wrong is said without the value: it may be a secret."""

import re
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Final

from engage_server.errors import NotInstalled, UsageError
from engage_server.links.sim.contract.document import Document
from engage_server.links.sim.contract.patterns import most_ways
from engage_server.links.sim.contract.pointers import pointer_of

try:
    from jsonschema.exceptions import UnknownType, best_match
    from jsonschema.validators import Draft202012Validator, extend
    from openapi_schema_validator import OAS30Validator, OAS31Validator, oas30_format_checker, oas31_format_checker
    from referencing import Registry, Resource
    from referencing.exceptions import Unresolvable
except ModuleNotFoundError as error:
    raise NotInstalled(
        f"calling an operator of SIMs needs {error.name}, which is not installed here",
        "pip install 'engage-server[sim] @ PATH_OR_URL_OF_THE_REPOSITORY'",
    ) from None

_ROOT: Final = "urn:contract"
_SHOWN: Final = 120
_MOST_VISITS: Final = 20_000  # of schemas, for one value. Two lines that name each other twice double with each level
_MOST_WAYS: Final = 100_000  # of one pattern. About a tenth of a second
_WAYS_OF_A_VISIT: Final = 100
_LONGEST_NAME: Final = 100
_left: ContextVar[int] = ContextVar("visits that are left")


class _TooMuch(Exception):
    """A schema leads to too many others."""


class _Unreadable(Exception):
    """A pattern that Python does not know. Contracts have those of ECMA 262, which are almost the same."""


def _spend(visits: int) -> None:
    left = _left.get() - visits
    if left < 0:
        raise _TooMuch
    _left.set(left)


def _bounded(judge: Any) -> Any:
    """The same rules, counted. Each schema that is looked at goes through ``evolve``, whatever leads to it."""
    found = extend(judge, {"pattern": _pattern})
    evolved = found.evolve

    def evolve(self: Any, **changes: Any) -> Any:
        _spend(1)
        schema = changes.get("schema", self.schema)
        _assert_names(schema)
        if isinstance(schema, Mapping) and "$schema" in schema:  # it would choose a class that does not count
            changes["schema"] = {name: each for name, each in schema.items() if name != "$schema"}
        return evolved(self, **changes)

    found.evolve = evolve
    return found


def _pattern(judge: Any, rule: object, value: object, schema: object) -> Iterator[Any]:
    """Always Python's own engine, whose ways are counted. The library takes another one where it is installed."""
    if isinstance(value, str) and _is_run(rule, len(value)):
        yield from _BY_PYTHON(judge, rule, value, schema) or ()


_BY_PYTHON: Final[Any] = Draft202012Validator.VALIDATORS["pattern"]
_JUDGES: Final = {True: _bounded(OAS30Validator), False: _bounded(OAS31Validator)}


def _is_run(pattern: object, length: int) -> bool:
    """Whether a pattern ends soon with a text of this length. The operator judges by the others."""
    try:
        ways = most_ways(str(pattern), length)
    except re.error:
        raise _Unreadable(str(pattern)) from None
    _spend(min(ways, _MOST_WAYS) // _WAYS_OF_A_VISIT)
    return ways <= _MOST_WAYS


def _assert_names(schema: object) -> None:
    """Patterns of names cannot be left out: other rules count on what they match."""
    names = schema.get("patternProperties") if isinstance(schema, Mapping) else None
    for pattern in names if isinstance(names, Mapping) else ():
        if not _is_run(pattern, _LONGEST_NAME):
            raise _Unreadable(str(pattern))


class Validity:
    """Judges values by one contract. Safe for many threads.

    Args:
        document: The contract.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        # The root is no schema, so ids in it mean nothing. A registry without a way to retrieve fetches nothing.
        root: Resource[Any] = Resource.opaque(document.root)
        self._registry: Registry[Any] = Registry().with_resource(_ROOT, root)

    def complaint(self, schema: object, value: object) -> str:
        """Say what is wrong with a value. "" if nothing is.

        Args:
            schema: A schema of this contract.
            value: What :mod:`json` could write.

        Raises:
            UsageError: The schema cannot be used.
        """
        is_old = self._document.is_3_0
        formats = oas30_format_checker if is_old else oas31_format_checker
        resolver = self._registry.resolver(_ROOT)
        judge: Any = _JUDGES[is_old](True, registry=self._registry, format_checker=formats, _resolver=resolver)
        token = _left.set(_MOST_VISITS)
        try:
            found = best_match(judge.evolve(schema=schema).iter_errors(value))
        except Unresolvable as error:
            raise self._document.unusable(f"the reference {str(error.ref)[:200]!r} leads to nothing") from None
        except _Unreadable as error:
            raise self._document.unusable(f"the pattern {str(error)[:_SHOWN]!r} cannot be read here") from None
        except _TooMuch:
            raise self._document.unusable("a schema leads to too many others") from None
        except (UnknownType, re.error, RecursionError, TypeError, ValueError, AttributeError, KeyError) as error:
            raise self._document.unusable(f"a schema cannot be used ({type(error).__name__})") from None
        finally:
            _left.reset(token)
        return "" if found is None else _said(found)

    def assert_fits(self, schema: object, value: object, what: str, fix: str) -> None:
        """Check a value.

        Args:
            schema: A schema of this contract.
            value: The value.
            what: What it is, for the error.
            fix: What to do.

        Raises:
            UsageError: It does not fit (``sim.value``), or the schema cannot be used.
        """
        if complaint := self.complaint(schema, value):
            raise UsageError(f"{what} is not what the contract accepts: {complaint}", fix, code="sim.value")


def _said(found: Any) -> str:
    """The rule that was broken, and where. The library's own message quotes the value."""
    rule = str(found.validator_value)[:_SHOWN]
    place = pointer_of(map(str, found.absolute_path))
    at = f"{place}: " if place else ""
    if found.validator == "required":  # its message names what is missing, and quotes nothing
        return f"{at}{found.message}"
    if found.validator == "pattern":
        return f"{at}it must match the pattern {rule}"
    return f"{at}{found.validator} {rule}"
