"""Connections to PostgreSQL that never wait for ever, and go where one can write.

Four limits, because a server can fall silent in four ways. Its machine is gone: TCP keepalives, and TCP's own limit for
what is not acknowledged (tcp(7)). It does not accept: ``connect_timeout``. It works too long: ``statement_timeout``,
which the server itself keeps. Something between acknowledges all and passes nothing on, such as a proxy that lost its
other side: nothing but a limit in this process helps, see :class:`BoundedConnection`.
"""

import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext

ORDINARY_SECONDS = 15.0  # a statement of a command, or of a worker's look
_MARGIN_SECONDS = 5.0  # the server's own limit comes first: its answer says what it was
_CONNECT_SECONDS = 5
_IDLE_IN_TRANSACTION_SECONDS = 60  # who has lost its way to the server must not keep its locks there
_READ_ONLY = "25006"  # read_only_sql_transaction: the server has become, or is, a standby

_NETWORK: dict[str, Any] = {
    "connect_timeout": _CONNECT_SECONDS,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
    # never prepared: a plan that is made without the values reads whole tables for a long list of them
    "prepare_threshold": None,
}

_T = TypeVar("_T")


class BoundedConnection(psycopg.Connection[Any]):
    """One that is given up when the server has said nothing for too long while it was waited for.

    Attributes:
        silence_seconds: How long; None waits for ever.
    """

    silence_seconds: float | None = ORDINARY_SECONDS + _MARGIN_SECONDS

    def wait(self, gen: Generator[Any, Any, _T], *args: Any, **kwargs: Any) -> _T:
        """Psycopg's own way to wait for the server; each statement, commit and roll-back passes through here."""
        if self.silence_seconds is None:
            return super().wait(gen, *args, **kwargs)
        return super().wait(self._bounded(gen, self.silence_seconds), *args, **kwargs)

    def _bounded(self, gen: Generator[Any, Any, _T], seconds: float) -> Generator[Any, Any, _T]:
        heard_at = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted  # 0 several times a second while nothing comes
                now = time.monotonic()
                if ready:
                    heard_at = now
                elif now - heard_at >= seconds:
                    self.close()
                    raise psycopg.OperationalError(f"the server has said nothing for {seconds:g} s")
                wanted = gen.send(ready)
        except StopIteration as end:
            value: _T = end.value
            return value


def postgresql_engine(url: URL) -> Engine:
    """An engine whose connections are bounded, and are dropped when their server cannot be written to."""
    engine = create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True, pool_size=2)
    event.listen(engine, "do_connect", _do_connect)
    event.listen(engine, "handle_error", _drop_standby)
    return engine


def connect(engine: Engine) -> BoundedConnection:
    """A connection beside the pool, in autocommit.

    Raises:
        psycopg.Error: There is no way to the server.
    """
    args, kwargs = engine.dialect.create_connect_args(engine.url)
    return _open(args, kwargs)


def be_patient(connection: Any, driver: BoundedConnection, seconds: float | None) -> None:
    """Let each statement of this transaction take so long; None for as long as it likes.

    Args:
        connection: SQLAlchemy's, in a transaction.
        driver: What it stands on. The caller gives it back its usual patience: :func:`be_usual`.
        seconds: The limit.
    """
    driver.silence_seconds = None if seconds is None else seconds + _MARGIN_SECONDS
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {(seconds or 0) * 1000:.0f}")
    if seconds is None:
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")


def be_usual(driver: BoundedConnection) -> None:
    """End what :func:`be_patient` began."""
    driver.silence_seconds = BoundedConnection.silence_seconds


def _do_connect(_dialect: Any, _record: Any, args: Any, kwargs: Any) -> BoundedConnection:
    connection = _open(args, kwargs)
    connection.autocommit = False
    return connection


def _open(args: Any, kwargs: Any) -> BoundedConnection:
    connection = BoundedConnection.connect(*args, **{**_NETWORK, **kwargs, "autocommit": True})
    limits: dict[str, float] = {"idle_in_transaction_session_timeout": _IDLE_IN_TRANSACTION_SECONDS}
    if "statement_timeout" not in str(kwargs.get("options", "")):  # what the operator's URL says holds
        limits["statement_timeout"] = ORDINARY_SECONDS
    # not in the start-up packet: poolers refuse what they do not know there
    for name, seconds in limits.items():
        connection.execute("SELECT set_config(%s, %s, false)", [name, f"{seconds * 1000:.0f}"])
    return connection


def _drop_standby(context: ExceptionContext) -> None:
    """Count a server that has become a standby as gone: the pool drops its connections, the next use connects anew."""
    if getattr(context.original_exception, "sqlstate", None) == _READ_ONLY:
        context.is_disconnect = True
