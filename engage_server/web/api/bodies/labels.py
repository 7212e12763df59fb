"""Names and places in bodies: read as everywhere, and refused in the words of a body's problem."""

from typing import Annotated

from pydantic import AfterValidator, Field

from engage_server.errors import EngageError
from engage_server.records import LONGEST_NAME, LONGEST_PLACE, read_label


def _name(text: str) -> str:
    return _read(text, "name", LONGEST_NAME)


def _place(text: str) -> str:
    return _read(text, "place", LONGEST_PLACE)


def _title(text: str) -> str:
    return _read(text, "title", LONGEST_NAME)


def _read(text: str, what: str, longest: int) -> str:
    try:
        return read_label(text, what, longest)
    except EngageError as error:
        raise ValueError(error.sentence) from None


NameText = Annotated[str, AfterValidator(_name), Field(max_length=LONGEST_NAME, examples=["North entrance"])]
TitleText = Annotated[str, AfterValidator(_title), Field(max_length=LONGEST_NAME, examples=["Depot Nord"])]
PlaceText = Annotated[str, AfterValidator(_place), Field(max_length=LONGEST_PLACE, examples=["Building 3"])]
