"""Connects to a host at an address that was judged: its name is looked up once, so it cannot change in between."""

import socket
import ssl
from collections.abc import Callable

from engage_server.records.address import IPAddress, read_address
from engage_server.services.calling_out.deadline import watch

Judge = Callable[[IPAddress], str]


class AddressForbidden(OSError):
    """A name leads to addresses only that must not be called. The text says why."""


def reach(host: str, port: int, seconds: float, judge: Judge = lambda address: "") -> socket.socket:
    """Connect, within a deadline of this thread.

    Args:
        host: A name or an address, in whatever spelling the system reads.
        port: The port.
        seconds: The time limit for each address of the host, and for each step on the connection later.
        judge: Why an address must not be called; "" if it may.

    Raises:
        AddressForbidden: No address of it may be called.
        OSError: It cannot be reached, or its name is not known.
    """
    trouble: OSError = AddressForbidden(f"{host} has no address")
    for family, kind, protocol, _name, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        found = read_address(str(address[0]))
        why = judge(found) if found is not None else "it has an address that is not of the internet protocol"
        if why:
            trouble = AddressForbidden(why)
            continue
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(seconds)
            watch(connection)
            connection.connect(address)
        except OSError as error:
            connection.close()
            trouble = error
            continue
        return connection
    raise trouble


def secured(connection: socket.socket, host: str, trust: ssl.SSLContext) -> ssl.SSLSocket:
    """Begin TLS on a connection, within a deadline of this thread. The given connection is no longer usable.

    Raises:
        OSError: The handshake failed, or the certificate is not one of this host.
    """
    wrapped = trust.wrap_socket(connection, server_hostname=host, do_handshake_on_connect=False)
    try:
        watch(wrapped)
        wrapped.do_handshake()
    except BaseException:
        wrapped.close()
        raise
    return wrapped
