"""RSA-2048 keys for the tests: made once, kept in pytest's cache, drawn by every process and thread of a run.

To make a key takes 60 ms on the average and up to half a second; a run asks for some thousands. A key that was drawn
comes again after all others of the pool: a test that draws fewer gets different ones. What lives longer than a test, as
a module's fixture or what a function caches, keeps its keys: nothing else gets them.

A key whose numbers were proven once is not proven again when the same bytes are read: that takes 50 ms each time. Nor
is one of the pool, in whatever form it is read: who made it has proven it.
Commands in processes of their own make and prove all that they use.
"""

import fcntl
import hashlib
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from engage_server.pki.containers import private_keys

_BITS, _EXPONENT = 2048, 65537
_POOL = 96  # far more than any test draws that compares its keys
_make_key = rsa.generate_private_key  # never from the pool


class KeyPool:
    """Keys on disk, one a file, and the order in which this process draws them.

    Args:
        folder: Where they lie. Others may add to them meanwhile.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._threads = threading.Lock()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._keys: deque[rsa.RSAPrivateKey] = deque()
        self._unread: deque[Path] = deque()
        self._known: set[Path] = set()
        self._drawn: set[rsa.RSAPrivateNumbers] = set()

    def draw(self, *, kept: bool) -> rsa.RSAPrivateKey:
        """A key that comes again after all others, or never if it is kept."""
        with self._threads:
            key = self._keys.popleft() if len(self._keys) >= _POOL else self._read() or self._made()
            self._drawn.add(key.private_numbers())
            if not kept:
                self._keys.append(key)
            return key

    def gave(self, key: PrivateKeyTypes) -> bool:
        """Whether each number of this key is that of one which was drawn here."""
        return isinstance(key, rsa.RSAPrivateKey) and key.private_numbers() in self._drawn

    def _read(self) -> rsa.RSAPrivateKey | None:
        """The next one on disk that this process has not had, if there is one: it costs a thousandth of a new one."""
        if not self._unread:  # what others have made meanwhile
            self._unread.extend(sorted(set(self._folder.glob("*.der")) - self._known))
            self._known.update(self._unread)
        return _read_key(self._unread.popleft().read_bytes()) if self._unread else None

    def _made(self) -> rsa.RSAPrivateKey:
        key = _make_key(_EXPONENT, _BITS)
        content = key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = self._folder / f"{hashlib.sha256(content).hexdigest()}.der"
        with (self._folder / "lock").open("w") as lock:  # another process sees a whole file, or none
            fcntl.flock(lock, fcntl.LOCK_EX)
            path.with_suffix(".new").write_bytes(content)
            path.with_suffix(".new").replace(path)
        self._known.add(path)
        return key


class _Keeping:
    """How many are at work now that keep what they draw."""

    count = 0


@contextmanager
def keeping() -> Iterator[None]:
    """All keys that are drawn meanwhile are kept; also a decorator of a function whose result is cached."""
    _Keeping.count += 1
    try:
        yield
    finally:
        _Keeping.count -= 1


class SharedKeepTheirs:
    """A plugin: what is shared by tests keeps its keys.

    No hook of a ``conftest.py`` in a folder of tests: pytest calls those for a session's fixtures only where the
    ``conftest.py`` lies in the folder that it began in.
    """

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        """Keep them while it is made."""
        with nullcontext() if fixturedef.scope == "function" else keeping():
            return (yield)


@contextmanager
def pooled_keys(folder: Path) -> Iterator[KeyPool]:
    """Let this process draw its RSA-2048 keys from a pool, and prove each only once."""
    pool = KeyPool(folder)

    def drawn(public_exponent: int, key_size: int, backend: Any = None) -> rsa.RSAPrivateKey:
        if (public_exponent, key_size) != (_EXPONENT, _BITS):
            return _make_key(public_exponent, key_size)
        return pool.draw(kept=_Keeping.count > 0)

    with ExitStack() as undone:
        undone.enter_context(patch.object(rsa, "generate_private_key", drawn))
        for module in (serialization, private_keys):  # the second has them under the same names
            for name in ("load_pem_private_key", "load_der_private_key"):
                undone.enter_context(patch.object(module, name, _proving_once(getattr(module, name), pool)))
        yield pool


def _proving_once(load: Callable[..., PrivateKeyTypes], pool: KeyPool) -> Callable[..., PrivateKeyTypes]:
    proven: set[bytes] = set()

    def is_of_pool(data: bytes, password: bytes | None) -> bool:
        try:
            return pool.gave(load(data, password, unsafe_skip_rsa_key_validation=True))
        except (TypeError, ValueError, UnsupportedAlgorithm):  # which is said by who reads it
            return False

    def loaded(
        data: bytes, password: bytes | None, backend: Any = None, *, unsafe_skip_rsa_key_validation: bool = False
    ) -> PrivateKeyTypes:
        known = hashlib.sha256(data + b"\0" + (password or b"")).digest()
        skip = unsafe_skip_rsa_key_validation or known in proven or is_of_pool(data, password)
        key = load(data, password, unsafe_skip_rsa_key_validation=skip)
        if not unsafe_skip_rsa_key_validation:  # or it was not looked at
            proven.add(known)
        return key

    return loaded


def _read_key(content: bytes) -> rsa.RSAPrivateKey:
    key = serialization.load_der_private_key(content, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key
