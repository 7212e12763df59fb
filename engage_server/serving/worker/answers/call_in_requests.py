"""Which requests of devices may have to wait for a partner's system, and for which site's."""

from urllib.parse import unquote

from engage_server.protocol.serial_number import serial_from_query
from engage_server.services.distribution.lookup import Distribution
from engage_server.serving.worker.answers.call_in_lanes import CallInLanes, Job, Lane
from engage_server.serving.worker.connections.connection import Connection
from engage_server.serving.worker.connections.request_reader import Request

CREDENTIAL = "/api/credentials"
KEPT = ("/swordfish/lock/audit", "/swordfish/lock/alert")
_CALL_INS = ("/swordfish/lock/", CREDENTIAL)
_CERTIFICATES = "/swordfish/lock/certificates/"


class CallInRequests:
    """The call-ins of devices: additional threads, so that a partner's slow system never delays a notice.

    Args:
        threads: How many call-ins run at once.
        distribution: Says which site a call-in is probably for, and how that site answers.
    """

    def __init__(self, threads: int, distribution: Distribution) -> None:
        self._distribution = distribution
        self._lanes = CallInLanes(threads, lambda: distribution.call_in_shares(threads))

    @property
    def pending(self) -> int:
        """How many run or wait."""
        return self._lanes.pending

    def takes(self, request: Request) -> bool:
        """Whether it is a call-in, judged by the path as the app will read it."""
        path = unquote(request.path)
        return path.startswith(_CALL_INS) and not path.startswith(_CERTIFICATES)

    def submit(self, connection: Connection, request: Request, job: Job) -> bool:
        """Answer one when it is its turn. False if too many wait already."""
        return self._lanes.submit(self._lane(connection, request), job)

    def close(self) -> None:
        """Start nothing more. Whatever runs ends with the process."""
        self._lanes.close()

    def _lane(self, connection: Connection, request: Request) -> Lane:
        serial = serial_from_query(request.query) if request.query else None
        fields = (value for name, value in request.headers if name == "host")
        host = request.authority if request.authority is not None else next(fields, "")
        site, waits = self._distribution.probable_call_in(host, serial or connection.serial, connection.local)
        path = unquote(request.path)
        is_kept = path.startswith(KEPT)  # on the disk, before any other system is asked
        return Lane(site, waits and not is_kept, path.startswith(CREDENTIAL))
