"""What is written below each field of a body, for its schema.

Pydantic reads it, too, with ``use_attribute_docstrings``, but when the class is made. That took a tenth of the start of
each process with the API. Only the document needs it.
"""

import ast
import inspect
from functools import cache
from itertools import pairwise
from textwrap import dedent
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from engage_server.web.api.route import Body


class DescribedFields(GenerateJsonSchema):
    """As pydantic makes schemas; a field of a body without a description gets the text below it."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Make the schema of one model."""
        made = super().model_schema(schema)
        body = schema["cls"]
        if issubclass(body, Body):
            for name, text in _texts_of(body).items():
                if body.model_fields[name].description is None:
                    made["properties"][name]["description"] = text
        return made


@cache
def _texts_of(body: type[Body]) -> dict[str, str]:
    """The text below each field, with those that the class inherits."""
    texts: dict[str, str] = {}
    for each in reversed(body.__mro__):
        if issubclass(each, Body) and each is not Body:
            texts |= _texts_in(ast.parse(dedent(inspect.getsource(each))).body[0])
    return texts


def _texts_in(shape: Any) -> dict[str, str]:
    return {
        field.target.id: inspect.cleandoc(below.value.value)
        for field, below in pairwise(shape.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str)
    }
