"""The names of schemas as callers read them. They become names of classes in generated clients."""

import re
from typing import Any

_PAGE = re.compile(r"PageJson_(\w+?)Json_")
# where a name is clear in its module alone, or is a built-in one in many languages
_CLEARER = {
    "Fault": "FieldFault",
    "Gate": "RotationGate",
    "Path": "SitePath",
    "Progress": "RotationProgress",
    "Reached": "ReachedGrade",
    "Retirement": "RetirementAdvice",
    "SeenStatus": "Status",
    "ServedSiteStatus": "SiteStatus",
    "Target": "CheckedChain",
    "Totals": "FindingTotals",
    "Warning": "RotationWarning",
    "Way": "PlannedWay",
}
_REF = "#/components/schemas/"


def plain_name(name: str) -> str:
    """Name a shape without what only matters to us: ``SiteJson`` is ``Site``, and a page of them is ``SitePage``."""
    page = _PAGE.fullmatch(name)
    plain = name.removesuffix("Json")
    return f"{page[1]}Page" if page else _CLEARER.get(plain, plain)


def with_plain_names(document: dict[str, Any]) -> dict[str, Any]:
    """Return the same document with plain names for all of its schemas.

    Raises:
        ValueError: Two schemas would get one name.
    """
    schemas: dict[str, Any] = document["components"]["schemas"]
    plain = {name: plain_name(name) for name in schemas}
    if len(set(plain.values())) < len(plain):
        raise ValueError(f"two schemas have one name: {sorted(plain.values())}")
    named = {plain[name]: {**schema, "title": plain[name]} for name, schema in schemas.items()}
    renamed: dict[str, Any] = _renamed({**document, "components": {**document["components"], "schemas": named}}, plain)
    return renamed


def _renamed(part: Any, plain: dict[str, str]) -> Any:
    """The part, whose references lead to the new names."""
    if isinstance(part, list):
        return [_renamed(each, plain) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        key: _REF + plain[value.removeprefix(_REF)] if key == "$ref" else _renamed(value, plain)
        for key, value in part.items()
    }
