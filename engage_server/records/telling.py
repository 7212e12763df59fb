"""How a long act tells what it has done: a sentence to whoever asked for it, after each step."""

from collections.abc import Callable

Tell = Callable[[str], None]


def tell_nobody(sentence: str) -> None:
    """For whoever only wants it done."""
