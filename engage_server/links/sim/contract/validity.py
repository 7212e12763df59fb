"""Holds a value against a schema of the contract. What is wrong is said without the value: it may be a secret."""

import re
from typing import Any, Final

from engage_server.errors import NotInstalled, UsageError
from engage_server.links.sim.contract.document import Document
from engage_server.links.sim.contract.pointers import pointer_of

try:
    from jsonschema.exceptions import UnknownType, best_match
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
        validator: Any = OAS30Validator if is_old else OAS31Validator
        formats = oas30_format_checker if is_old else oas31_format_checker
        resolver = self._registry.resolver(_ROOT)
        judge = validator(schema, registry=self._registry, format_checker=formats, _resolver=resolver)
        try:
            found = best_match(judge.iter_errors(value))
        except Unresolvable as error:
            raise self._document.unusable(f"the reference {str(error.ref)[:200]!r} leads to nothing") from None
        except (UnknownType, re.error, RecursionError, TypeError, ValueError, AttributeError, KeyError) as error:
            raise self._document.unusable(f"a schema cannot be used ({type(error).__name__})") from None
        if found is not None and found.validator == "pattern" and not _is_readable(found.validator_value):
            shown = str(found.validator_value)[:_SHOWN]
            raise self._document.unusable(f"the pattern {shown!r} cannot be read here")  # it counts as not matched
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


def _is_readable(pattern: object) -> bool:
    """Whether Python knows a pattern. Contracts have those of ECMA 262, which are almost the same."""
    try:
        re.compile(str(pattern))
    except re.error:
        return False
    return True


def _said(found: Any) -> str:
    """The rule that was broken, and where. The library's own message quotes the value."""
    place = pointer_of(map(str, found.absolute_path))
    if found.validator == "required":  # its message names what is missing, and quotes nothing
        return f"{place or 'it'}: {found.message}"
    return f"{place or 'it'}: {found.validator} {str(found.validator_value)[:_SHOWN]}"
