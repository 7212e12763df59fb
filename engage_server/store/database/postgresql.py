"""Connections to PostgreSQL that never wait for ever, and that find a server that accepts writes.

A server can stop answering in four ways, so there are four limits:

* Its machine is gone: TCP keepalives, and TCP's own limit for bytes that are not acknowledged (tcp(7)).
* It does not accept connections: ``connect_timeout``.
* It works too long: ``statement_timeout``, which the server itself enforces.
* A proxy that has lost the server acknowledges everything and passes nothing on. Only a limit in this process helps,
  see :class:`BoundedConnection`.
"""

import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext

ORDINARY_SECONDS = 15.0  # for a statement of a command, or of a worker's check
_MARGIN_SECONDS = 5.0  # the server's own limit comes first, because its answer says what happened
_CONNECT_SECONDS = 5
_IDLE_IN_TRANSACTION_SECONDS = 60  # a client that has lost the server must not keep its locks there
_READ_ONLY = "25006"  # read_only_sql_transaction: the server has become, or is, a standby

_NETWORK: dict[str, Any] = {
    "connect_timeout": _CONNECT_SECONDS,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
    # never prepared: a plan that is made without the values scans whole tables for a long list of values
    "prepare_threshold": None,
}

_T = TypeVar("_T")


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that gives up when the server has said nothing for too long while it was waited for.

    Attributes:
        silence_seconds: How long to wait; None waits for ever.
    """

    silence_seconds: float | None = ORDINARY_SECONDS + _MARGIN_SECONDS

    def wait(self, gen: Generator[Any, Any, _T], *args: Any, **kwargs: Any) -> _T:
        """Wait for the server. psycopg calls this for each statement, commit and rollback."""
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
    """Build an engine whose connections have limits. It drops them when their server accepts no writes."""
    engine = create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True, pool_size=2)
    event.listen(engine, "do_connect", _do_connect)
    event.listen(engine, "handle_error", _drop_standby)
    return engine


def connect(engine: Engine) -> BoundedConnection:
    """Open a connection outside the pool, in autocommit.

    Raises:
        psycopg.Error: The server cannot be reached.
    """
    args, kwargs = engine.dialect.create_connect_args(engine.url)
    return _open(args, kwargs)


def be_patient(connection: Any, driver: BoundedConnection, seconds: float | None) -> None:
    """Set the time limit of each statement in this transaction. None is no limit.

    Args:
        connection: SQLAlchemy's connection, in a transaction.
        driver: The driver's connection below it. The caller restores its usual limit with :func:`be_usual`.
        seconds: The limit.
    """
    driver.silence_seconds = None if seconds is None else seconds + _MARGIN_SECONDS
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {(seconds or 0) * 1000:.0f}")
    if seconds is None:
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")


def be_usual(driver: BoundedConnection) -> None:
    """Restore the usual limit after :func:`be_patient`."""
    driver.silence_seconds = BoundedConnection.silence_seconds


def _do_connect(_dialect: Any, _record: Any, args: Any, kwargs: Any) -> BoundedConnection:
    connection = _open(args, kwargs)
    connection.autocommit = False
    return connection


def _open(args: Any, kwargs: Any) -> BoundedConnection:
    connection = BoundedConnection.connect(*args, **{**_NETWORK, **kwargs, "autocommit": True})
    limits: dict[str, float] = {"idle_in_transaction_session_timeout": _IDLE_IN_TRANSACTION_SECONDS}
    if "statement_timeout" not in str(kwargs.get("options", "")):  # the operator's URL takes precedence
        limits["statement_timeout"] = ORDINARY_SECONDS
    # not in the start-up packet: poolers reject options there that they do not know
    for name, seconds in limits.items():
        connection.execute("SELECT set_config(%s, %s, false)", [name, f"{seconds * 1000:.0f}"])
    return connection


def _drop_standby(context: ExceptionContext) -> None:
    """Treat a server that has become a standby as lost: the pool drops its connections, the next use opens new ones."""
    if getattr(context.original_exception, "sqlstate", None) == _READ_ONLY:
        context.is_disconnect = True
