"""Reads an OpenAPI 3 file, JSON or YAML. Nothing is ever fetched: a reference leads within the file, or nowhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeGuard

from engage_server.errors import BodyInvalid, FileNotUsable, SettingsInvalid, UsageError
from engage_server.files import read_file
from engage_server.links.sim.contract.pointers import MISSING, found_at
from engage_server.protocol.json_body import read_json

MAX_BYTES: Final = 16 * 1024 * 1024
MAX_DEPTH: Final = 200
_MOST_STEPS: Final = 50  # of references that lead to references
_ANOTHER: Final = "Get an OpenAPI 3.0 or 3.1 file from the operator, as JSON or YAML."

Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """A contract as a whole.

    Attributes:
        source: The file, for errors.
        root: Its content.
        is_3_0: Whether it is OpenAPI 3.0, whose schemas are not JSON Schema. Otherwise it is 3.1 or later.
    """

    source: str
    root: Node
    is_3_0: bool

    @property
    def title(self) -> str:
        """Title and version, as the contract gives them. "" if it has none."""
        info = self.root.get("info")
        return " ".join(str(info[key])[:80] for key in ("title", "version") if key in info) if _is_node(info) else ""

    def at(self, pointer: str) -> Node:
        """Return the object at a JSON Pointer, behind all references.

        Raises:
            UsageError: There is none.
        """
        return self.resolved(found_at(self.root, pointer), pointer)

    def resolved(self, node: object, place: str) -> Node:
        """Follow the references of an object to the object that is meant.

        Args:
            node: What may be a reference.
            place: Where it stands, for errors.

        Raises:
            UsageError: A reference leads out of the file, to nothing or in a circle, or the place has no object.
        """
        for _ in range(_MOST_STEPS):
            if not _is_node(node):
                raise self.unusable(f"{place} is no object")
            if "$ref" not in node:
                return node
            node = found_at(self.root, self.target_of(node["$ref"]))
        raise self.unusable(f"the references at {place} lead in a circle")

    def target_of(self, reference: object) -> str:
        """Return the JSON Pointer of a reference.

        Raises:
            UsageError: It leads out of the file, or to nothing.
        """
        if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
            raise self.unusable(f"the reference {str(reference)[:200]!r} leads out of the file, and nothing is fetched")
        pointer = reference.removeprefix("#")
        if found_at(self.root, pointer) is MISSING:
            raise self.unusable(f"the reference {reference[:200]!r} leads to nothing")
        return pointer

    def unusable(self, what: str) -> UsageError:
        """Return the error for a contract that cannot be used. The code is ``sim.contract``."""
        return UsageError(f"{self.source}: {what}", _ANOTHER, code="sim.contract")


def read_document(path: Path) -> Document:
    """Read a contract.

    Raises:
        SettingsInvalid: It cannot be read, is too long or nested too deep, or is not OpenAPI 3.
        NotInstalled: It is YAML, and the extra ``sim`` is not installed.
    """
    try:
        content = read_file(path, limit=MAX_BYTES)
    except FileNotUsable as error:
        raise SettingsInvalid(error.sentence, f"Correct contract_file. {_ANOTHER}") from None
    root = _parsed(content, path)
    if not isinstance(root, dict):
        raise _no_contract(path, "it holds no object")
    return Document(str(path), root, _is_3_0(root, path))


def _parsed(content: bytes, path: Path) -> object:
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        try:
            return read_json(content, MAX_DEPTH)
        except BodyInvalid as error:
            raise _no_contract(path, error.sentence.replace("the body", "it")) from None
    from engage_server.links.sim.contract.yaml_text import read_yaml  # an extra has it, and JSON does without

    try:
        return read_yaml(content, MAX_DEPTH)
    except ValueError as error:
        raise _no_contract(path, str(error)) from None


def _is_3_0(root: Mapping[str, object], path: Path) -> bool:
    if "swagger" in root:
        raise _no_contract(
            path,
            f"it is Swagger {str(root['swagger'])[:10]}, and only OpenAPI 3 can be used",
            "Ask the operator for OpenAPI 3, or convert it, for example with swagger2openapi.",
        )
    version = str(root.get("openapi", ""))
    if not version.startswith(("3.0.", "3.1.", "3.2.")):
        raise _no_contract(path, "it does not say openapi: 3.0, 3.1 or 3.2")
    return version.startswith("3.0.")


def _no_contract(path: Path, what: str, fix: str = _ANOTHER) -> SettingsInvalid:
    return SettingsInvalid(f"{path} is not a contract that can be used: {what}", fix)


def _is_node(value: object) -> TypeGuard[Node]:
    return isinstance(value, Mapping)
