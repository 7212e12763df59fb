"""What is written below the fields of a body: it is in the schema, and no class reads its source when it is made."""

from pydantic import Field, TypeAdapter

from engage_server.web.api.document.fields import DescribedFields
from engage_server.web.api.route import Body
from engage_server.web.api.routes.table import ROUTES


class Paint(Body):
    """What to paint."""

    colour: str
    """With what:
    a name.
    """
    bare: str
    given: str = Field(description="Said in the field.")
    """Said below it."""


class Gloss(Paint):
    """Paint that shines."""

    shine: int
    """How much."""


def described(body: type[Body]) -> dict[str, str | None]:
    schema = TypeAdapter(body).json_schema(schema_generator=DescribedFields)
    return {name: each.get("description") for name, each in schema["properties"].items()}


def test_the_text_below_a_field_describes_it() -> None:
    of_paint = {"colour": "With what:\na name.", "bare": None, "given": "Said in the field."}
    assert described(Paint) == of_paint
    assert described(Gloss) == {**of_paint, "shine": "How much."}


def test_no_body_reads_its_source_when_it_is_made() -> None:
    bodies = {route.body for route in ROUTES if isinstance(route.body, type) and issubclass(route.body, Body)}
    assert len(bodies) > 10
    assert [body.__name__ for body in bodies if body.model_config.get("use_attribute_docstrings")] == []
