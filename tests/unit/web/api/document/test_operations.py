"""The operations of the document: what is demanded, what comes with an answer, and where an answer leads to."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from tests.support.checkout import ROOT
from tests.support.openapi_schemas import followed
from tests.support.openapi_today import todays_document

# the names alone, off the file: to make the document takes more than a second, which each process of a run would pay
_NAMES = [
    each["operationId"]
    for item in json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"].values()
    for each in item.values()
]
BY_NAME = pytest.mark.parametrize("name", _NAMES)


@cache
def operations() -> dict[str, dict[str, Any]]:
    """Today's, by name."""
    each_item = todays_document()["paths"].values()
    return {operation["operationId"]: operation for item in each_item for operation in item.values()}


def test_each_operation_has_its_name_here() -> None:
    assert list(operations()) == _NAMES


def parameters(name: str) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in operations()[name]["parameters"]}


def success(name: str) -> dict[str, Any]:
    (found,) = (each for status, each in operations()[name]["responses"].items() if status.startswith("2"))
    return dict(found)


def test_what_a_change_demands_is_required() -> None:
    assert parameters("change_site")["If-Match"]["required"]
    assert parameters("drop_release")["If-Match"]["required"]
    put = parameters("put_device_database")
    assert not put["If-Match"]["required"], "the first one has none"
    assert put["If-None-Match"]["schema"]["enum"] == ["*"]
    assert "If-None-Match" not in parameters("change_device")
    assert parameters("stage_release")["Idempotency-Key"]["required"]


def test_what_comes_with_an_answer() -> None:
    assert set(success("stage_release")["headers"]) == {"ETag", "Location", "Idempotent-Replayed"}
    assert set(success("add_devices")["headers"]) == {"Idempotent-Replayed"}
    assert set(success("list_sites")["headers"]) == {"Link"}
    assert "headers" not in success("drop_release")
    problems = operations()["list_sites"]["responses"]
    assert set(problems["401"]["headers"]) == {"WWW-Authenticate"}
    assert set(problems["503"]["headers"]) == {"Retry-After"}


def links() -> Iterator[tuple[str, str, str, str]]:
    """Each parameter of each link: from, to, its name, and the expression."""
    for name in operations():
        for link in success(name).get("links", {}).values():
            for parameter, expression in link["parameters"].items():
                yield name, link["operationId"], parameter, expression


def test_each_link_leads_to_an_operation_with_these_parameters_and_finds_them() -> None:
    found = list(links())
    assert {"get_release", "get_rotation", "get_device", "get_site", "list_uploads"} <= {to for _, to, _, _ in found}
    for name, to, parameter, expression in found:
        assert parameter in parameters(to), f"{name} -> {to}"
        assert is_there(name, expression), f"{name}: {expression}"


def is_there(name: str, expression: str) -> bool:
    """Whether the request or the answer of an operation has what an expression names."""
    if expression.startswith("$response.header."):
        return expression.removeprefix("$response.header.") in success(name)["headers"]
    if expression.startswith("$request.path."):
        return expression.removeprefix("$request.path.") in parameters(name)
    content = (
        success(name)["content"] if expression.startswith("$response") else operations()[name]["requestBody"]["content"]
    )
    (media,) = content.values()
    schema = media["schema"]
    for step in re.sub(r"^.*#/", "", expression).split("/"):
        schema = followed(todays_document(), schema)
        schema = schema["items"] if step.isdecimal() else schema.get("properties", {}).get(step)
        if schema is None:
            return False
    return True


def test_what_is_nowhere_is_not_found() -> None:
    assert is_there("get_site", "$response.body#/site")
    assert not is_there("get_site", "$response.body#/none")
    assert not is_there("get_site", "$response.header.Location")


@BY_NAME
def test_a_parameter_of_a_path_is_found_by_each_link(name: str) -> None:
    for link in success(name).get("links", {}).values():
        needed = {each for each, parameter in parameters(link["operationId"]).items() if parameter["in"] == "path"}
        assert needed <= set(link["parameters"])
