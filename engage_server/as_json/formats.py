"""What all shapes of JSON have in common. The API makes its schemas of them. Commands print them without pydantic."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

if sys.version_info >= (3, 12):
    from typing import TypedDict
else:
    from typing_extensions import TypedDict  # pydantic reads no other below Python 3.12


@dataclass(frozen=True, slots=True)
class Format:
    """Says in a schema how a text is written. It checks nothing.

    Args:
        name: A format of JSON Schema, such as ``date-time``.
    """

    name: str

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        """Add the format to what pydantic says of the text."""
        return {**handler(core_schema), "format": self.name}


Instant = Annotated[str, Format("date-time")]
"""A time as RFC 3339 writes it, with its offset from UTC."""


def _with_what_bases_say(schema: dict[str, Any], shape: Any) -> None:
    """Describe the fields that a shape inherits: pydantic describes only those that stand in it."""
    from pydantic import TypeAdapter  # it is calling: commands come here never

    for base in shape.__orig_bases__:
        if not isinstance(base, type) or not hasattr(base, "__orig_bases__"):  # TypedDict itself, or Generic
            continue
        of_base: Mapping[str, Any] = TypeAdapter(base).json_schema().get("properties", {})
        for name, field in of_base.items():
            if "description" in field:
                schema["properties"][name].setdefault("description", field["description"])


class Shape(TypedDict):
    """The base of all shapes. Its schemas refuse unknown keys, and say of each field what is written below it."""


Shape.__pydantic_config__ = {  # type: ignore[attr-defined]  # in the class, it would be taken for one of the keys
    "extra": "forbid",
    "use_attribute_docstrings": True,
    "json_schema_extra": _with_what_bases_say,
}
