"""Configuration for devices, and parameters from devices."""

from typing import Any

from pydantic import RootModel, ValidationError

from engage_server.errors import BodyInvalid
from engage_server.protocol.json_body import Json, without_secrets


class Configuration(RootModel[dict[str, Any]]):
    """The settings that a host sends to a device: the member ``config`` of the database answer."""


class Parameters(RootModel[dict[str, Any]]):
    """What a device reports about itself by PUT Config. It may contain the building's Wi-Fi password."""


def read_configuration(value: Json, source: str) -> dict[str, Any]:
    """Read a configuration. Its members keep their order.

    Raises:
        BodyInvalid: It is not an object.
    """
    try:
        return Configuration.model_validate(value).root
    except ValidationError:
        raise BodyInvalid(f"{source}: the configuration is not a JSON object", "Write a JSON object: {...}.") from None


def read_parameters(value: Json) -> dict[str, Any]:
    """Read parameters and remove all passwords. Members keep their order.

    Raises:
        BodyInvalid: They are not an object.
    """
    try:
        kept = without_secrets(Parameters.model_validate(value).root)
    except ValidationError:
        raise BodyInvalid("the parameters are not a JSON object", "Send a JSON object: {...}.") from None
    assert isinstance(kept, dict)  # noqa: S101  # a dict stays a dict
    return kept
