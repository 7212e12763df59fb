"""When the garbage collector looks: seldom while a program starts, which makes many thousand objects to keep."""

import gc

_USUAL = gc.get_threshold()
_SELDOM = (100_000, *_USUAL[1:])  # new objects until it looks at them: more than the imports of any command make


def collect_seldom() -> None:
    """For a program that starts, and for a command, which soon ends: an eighth of its time went into looking."""
    gc.set_threshold(*_SELDOM)


def collect_as_usual() -> None:
    """For a process that goes on. What is there now is never looked at again, nor copied in the workers for that."""
    gc.freeze()
    gc.set_threshold(*_USUAL)
