"""Where a browser on this machine finds the operators' listener."""

from engage_server.settings import Settings

_LOOPBACK = ("127.0.0.1", "::1", "0.0.0.0", "::", "localhost")  # noqa: S104  # compared with, not listened on


def operators_address(settings: Settings) -> str:
    """Return its address as a URL without a path.

    Browsers treat ``localhost`` as safe, also without TLS. So that name stands for every address of this machine.
    """
    bind = settings.operators_bind
    host = "localhost" if bind in _LOOPBACK else f"[{bind}]" if ":" in bind else bind
    return f"http://{host}:{settings.operators_port}"
