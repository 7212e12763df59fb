"""How a long operation reports its progress: one sentence to its caller after each step."""

from collections.abc import Callable

Tell = Callable[[str], None]


def tell_nobody(sentence: str) -> None:
    """Ignore the report, for a caller that does not need it."""
