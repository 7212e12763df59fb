"""The journal and the link tables in PostgreSQL, by the role of the ingress."""

import logging
import threading
from collections.abc import Sequence
from datetime import datetime

from engage_server.errors import EngageError
from engage_server.links.journal.desk import OpensSecrets
from engage_server.records import Downlink, KpnDevice, PathEvent, Secret
from engage_server.services.kpn_devices.register import secret_purpose
from engage_server.services.site_path.event_lines import event_of, line_of
from engage_server.store.interface import IngressTables

_log = logging.getLogger(__name__)


class DatabaseDesk:
    """Implements both :class:`~.desk.Journal` and :class:`~.desk.LinkTables`. Any thread may use it.

    Args:
        tables: The database.
        sealer: Opens the secrets of devices. None: no device with a secret can be recognised.
    """

    def __init__(self, tables: IngressTables, sealer: OpensSecrets | None) -> None:
        self._tables = tables
        self._sealer = sealer
        self._telling = threading.Lock()
        self._is_away = False

    def record(self, events: Sequence[PathEvent]) -> bool:
        """Store all of these events. False if the database does not take them."""
        try:
            self._tables.add_path_events([storable(event) for event in events])
        except EngageError as error:
            self._tell(error)
            return False
        self._tell(None)
        return True

    def kpn_device(self, imei: str) -> KpnDevice | None:
        """Return a registered device. None if it is unknown.

        Raises:
            StoreNotUsable: The database does not answer.
        """
        return self._tables.kpn_device(imei)

    def kpn_secret(self, device: KpnDevice) -> Secret | None:
        """Return a device's secret, opened. None if it has none, or if this process has no key of the links.

        Raises:
            SealBroken: It was sealed under another key.
        """
        if device.sealed_secret is None or self._sealer is None:
            return None
        return self._sealer.open(device.sealed_secret, secret_purpose(device.imei))

    def executing_downlink(self, imei: str) -> Downlink | None:
        """Return the message that the device gets with its next answer.

        Raises:
            StoreNotUsable: The database does not answer.
        """
        return self._tables.executing_downlink(imei)

    def deliver(self, downlink: Downlink, at: datetime) -> bool:
        """Take a message for one answer. True for exactly one caller. False too if the database does not answer."""
        try:
            return self._tables.deliver_downlink(downlink.number, at)
        except EngageError as error:
            self._tell(error)
            return False

    def _tell(self, error: EngageError | None) -> None:
        with self._telling:
            was_away, self._is_away = self._is_away, error is not None
        if error is not None and not was_away:
            _log.error("what partners report is refused for now: %s", error)
        elif error is None and was_away:
            _log.info("what partners report is stored again")


def storable(event: PathEvent) -> PathEvent:
    """The event as the spool would keep it: texts cut, and without characters that no database accepts."""
    stored = event_of(line_of(event))
    assert stored is not None  # noqa: S101  # a property test: every line can be read again
    return stored
