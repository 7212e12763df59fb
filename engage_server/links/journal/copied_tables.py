"""The link tables from the copy that the operators' instance keeps."""

import logging
import threading
import time
from datetime import datetime
from pathlib import Path

from engage_server.errors import EngageError
from engage_server.links.journal.desk import OpensSecrets
from engage_server.records import Downlink, KpnDevice, Secret
from engage_server.services.kpn_devices.ingress_copy import COPY_FILE, CopiedTables, read_copy, take
from engage_server.services.kpn_devices.register import secret_purpose

_LOOK_SECONDS = 0.5
_log = logging.getLogger(__name__)


class FileTables:
    """Implements :class:`engage_server.links.journal.desk.LinkTables`. Any thread may use it.

    While no copy can be read, the last one counts. Before the first one, no device is registered.

    Args:
        folder: The folder that the operators' instance writes.
        sealer: Opens the secrets of devices. None: no device with a secret can be recognised.
    """

    def __init__(self, folder: Path, sealer: OpensSecrets | None) -> None:
        self._folder = folder
        self._sealer = sealer
        self._tables = CopiedTables()
        self._version: tuple[int, int, int] | None = None
        self._look_at = 0.0
        self._looking = threading.Lock()
        self._trouble = ""

    def kpn_device(self, imei: str) -> KpnDevice | None:
        """Return a registered device. None if it is unknown."""
        return self._now().devices.get(imei)

    def kpn_secret(self, device: KpnDevice) -> Secret | None:
        """Return a device's secret, opened. None if it has none, or if this process has no key of the links.

        Raises:
            SealBroken: It was sealed under another key.
        """
        if device.sealed_secret is None or self._sealer is None:
            return None
        return self._sealer.open(device.sealed_secret, secret_purpose(device.imei))

    def executing_downlink(self, imei: str) -> Downlink | None:
        """Return the message that the device gets with its next answer."""
        return self._now().executing.get(imei)

    def deliver(self, downlink: Downlink, at: datetime) -> bool:
        """Take a message for one answer. True for exactly one caller. False too if the folder cannot be written."""
        try:
            return take(self._folder, downlink)
        except EngageError as error:
            self._tell(str(error))
            return False

    def _now(self) -> CopiedTables:
        with self._looking:
            now = time.monotonic()
            if now >= self._look_at:
                self._look_at = now + _LOOK_SECONDS
                self._look()
            return self._tables

    def _look(self) -> None:
        try:
            found = (self._folder / COPY_FILE).stat()
            version = (found.st_ino, found.st_mtime_ns, found.st_size)
            if version != self._version:
                self._tables, self._version = read_copy(self._folder), version
        except FileNotFoundError:
            self._tell("there is no copy of the link tables yet: the operators' instance writes it")
        except (EngageError, OSError) as error:
            self._tell(str(error))
        else:
            self._tell("")

    def _tell(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            _log.error("devices on KPN SIMs may be unknown: %s", trouble)
        elif not trouble and self._trouble:
            _log.info("the link tables are read again")
        self._trouble = trouble
