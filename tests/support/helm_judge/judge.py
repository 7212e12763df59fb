"""Holds Kubernetes objects against the strict schemas of versions. Standard input and output are JSON.

In: ``{"versions": [...], "objects": [...]}``. Out: a list of ``[version, kind, where, complaint]``. One process for
all, since each version's definitions are 2 MB.
"""

import json
import sys
from functools import cache
from typing import Any

import kubernetes_validate
from kubernetes_validate import utils


def complaint_about(each: dict[str, Any], version: str) -> list[str] | None:
    """What is wrong with one object: its version, kind, place and sentence. None if nothing is."""
    try:
        used = kubernetes_validate.validate(each, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [version, each["kind"], "/".join(map(str, error.path)), error.message]
    except kubernetes_validate.SchemaNotFoundError as error:
        return [version, each["kind"], "apiVersion", error.message]
    return None if used == version else [version, each["kind"], "", f"was judged by {used}"]


def main() -> None:
    """Judge what is on standard input."""
    utils.schema_contents = cache(utils.schema_contents)
    asked = json.load(sys.stdin)
    found = [complaint_about(each, version) for version in asked["versions"] for each in asked["objects"]]
    json.dump([each for each in found if each], sys.stdout)


if __name__ == "__main__":
    main()
