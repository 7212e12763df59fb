"""What an error says of itself."""

import re

from engage_server import errors
from engage_server.errors import Conflict, EngageError, Refused


def test_one_attribute_says_which_error_it_is() -> None:
    assert Conflict("x").code == "conflict"
    assert Conflict("x", code="release.exists").code == "release.exists"
    assert Refused("x", code="").code == Refused.default_code
    assert not hasattr(Conflict, "code"), "a class covers several things: only an error has a code"


def test_the_tree_in_the_docstring_tells_each_class_and_its_code() -> None:
    told = dict(re.findall(r"[|`]-- (\w+) +([\w.<>]+)", errors.__doc__ or ""))
    classes = {each.__name__: each for each in vars(errors).values() if _is_error(each)}
    assert set(told) == set(classes) - {"EngageError"}
    for name, code in told.items():
        of_class = classes[name]
        assert issubclass(of_class, EngageError)
        if "." in code and "<" not in code:
            assert of_class.default_code == code


def _is_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, EngageError)
