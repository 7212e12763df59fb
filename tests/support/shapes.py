"""Judges whether a value is what its shape says: once as it is, and once as it is written."""

import json
from datetime import datetime
from typing import Any

import jsonschema
import pytest
from pydantic import TypeAdapter, ValidationError


def _format_checker() -> jsonschema.FormatChecker:
    checker = jsonschema.FormatChecker()
    checker.checks("date-time", raises=ValueError)(
        lambda text: not isinstance(text, str) or datetime.fromisoformat(text).tzinfo is not None
    )
    return checker


def judge(shape: Any, value: Any) -> None:
    """Pydantic and the schema accept it, as it is and as it is written. Neither accepts it with a key less or more."""
    adapter = TypeAdapter(shape)
    written = json.loads(json.dumps(value))
    schema = jsonschema.Draft202012Validator(
        adapter.json_schema(mode="serialization"), format_checker=_format_checker()
    )
    assert adapter.validate_python(value, strict=True) == value
    assert adapter.validate_json(json.dumps(value), strict=True) == value
    schema.validate(written)
    if isinstance(value, dict):
        for bad in (*({k: v for k, v in value.items() if k != key} for key in value), value | {"more": 1}):
            assert not schema.is_valid(json.loads(json.dumps(bad)))
            with pytest.raises(ValidationError):
                adapter.validate_python(bad, strict=True)
