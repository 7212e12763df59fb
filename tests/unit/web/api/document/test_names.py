import json
import re
from typing import Any

import pytest

from engage_server.web.api.document.names import plain_name, with_plain_names
from tests.support.openapi_today import todays_document


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("SiteJson", "Site"),
        ("PageJson_SiteJson_", "SitePage"),
        ("WarningJson", "RotationWarning"),
        ("JsonThing", "JsonThing"),
    ],
)
def test_a_name_is_plain(name: str, plain: str) -> None:
    assert plain_name(name) == plain


def test_references_lead_to_the_new_names() -> None:
    schemas: dict[str, Any] = {
        "PageJson_SiteJson_": {"properties": {"items": {"items": {"$ref": "#/components/schemas/SiteJson"}}}},
        "SiteJson": {"title": "SiteJson", "type": "object"},
    }
    named = with_plain_names({"components": {"schemas": schemas}})["components"]["schemas"]
    assert named["SitePage"]["properties"]["items"]["items"] == {"$ref": "#/components/schemas/Site"}
    assert named["Site"] == {"title": "Site", "type": "object"}


def test_two_schemas_never_get_one_name() -> None:
    with pytest.raises(ValueError, match="Site"):
        with_plain_names({"components": {"schemas": {"SiteJson": {}, "Site": {}}}})


def test_the_document_has_plain_names_alone_and_describes_each_field_of_a_body() -> None:
    made = todays_document()
    schemas = made["components"]["schemas"]
    assert [name for name in schemas if not re.fullmatch(r"[A-Z][A-Za-z]+", name) or "Json" in name] == []
    assert "Json" not in "".join(re.findall(r'"\$ref": "[^"]*"', json.dumps(made)))
    staged = schemas["ChainToStage"]["properties"]
    assert [name for name, field in staged.items() if not field.get("description")] == []
