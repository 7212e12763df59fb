"""Silences warnings of cryptography: a rule reports the same fault as a finding."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quietly() -> Iterator[None]:
    """Read a certificate's parts without Python warnings. Keep the block short: filters apply to the whole process.

    cryptography caches each part after the first read, so later readers get no warning either.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
