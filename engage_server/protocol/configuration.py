"""What devices send and are sent beside databases and audits: configuration and parameters."""

from typing import Any

from pydantic import RootModel, ValidationError

from engage_server.errors import BodyInvalid
from engage_server.protocol.json_body import Json, without_secrets


class Configuration(RootModel[dict[str, Any]]):
    """A device's settings as its host wants them: the child ``config`` of the database answer."""


class Parameters(RootModel[dict[str, Any]]):
    """What a device tells of itself by PUT Config. May hold the password of the building's WiFi."""


def read_configuration(value: Json, source: str) -> dict[str, Any]:
    """A configuration, its children in their order.

    Raises:
        BodyInvalid: It is no object.
    """
    try:
        return Configuration.model_validate(value).root
    except ValidationError:
        raise BodyInvalid(f"{source}: the configuration is no JSON object", "Write {...}.") from None


def read_parameters(value: Json) -> dict[str, Any]:
    """Parameters without any password, their children in their order.

    Raises:
        BodyInvalid: They are no object.
    """
    try:
        kept = without_secrets(Parameters.model_validate(value).root)
    except ValidationError:
        raise BodyInvalid("the parameters are no JSON object", "Send {...}.") from None
    assert isinstance(kept, dict)  # noqa: S101  # of a dict comes a dict
    return kept
