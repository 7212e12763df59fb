"""What call-ins leave to do, beside serving: uploads go to partners' systems, and callers onto lists."""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from engage_server.composition import Delivered, DeviceSide, Occasion, OperatorSide, UpstreamDelivery
from engage_server.errors import EngageError
from engage_server.serving.rotation_thread import ACTOR
from engage_server.settings import Settings

_DELIVERY_SECONDS = 1.0
_ENROLMENT_SECONDS = 5.0


class DeliveryThread:
    """Delivers what waits, over and over, as the only one of this host.

    Args:
        device_side: Knows the sites as they are now.
        settings: The settings.
        log: Where trouble, and its end, are told: once each.
        tell: Called with what became of each site's uploads.
    """

    def __init__(
        self,
        device_side: DeviceSide,
        settings: Settings,
        log: logging.Logger,
        tell: Callable[[Mapping[str, Delivered]], None],
    ) -> None:
        self._device_side = device_side
        self._settings = settings
        self._log = log
        self._tell_all = tell
        self._deliveries: dict[str, UpstreamDelivery] = {}
        self._troubles: dict[str, str] = {}

    def start(self) -> None:
        """Begin, until the process ends."""
        threading.Thread(target=self._run, name="upstream-delivery", daemon=True).start()

    def deliver_once(self) -> None:
        """Deliver whatever can be delivered now."""
        self._deliveries = self._device_side.deliveries(self._settings, self._deliveries)
        done: dict[str, Delivered] = {}
        for site, delivery in self._deliveries.items():
            done[site] = delivery.run(lambda: datetime.now(UTC))
            for path in done[site].laid_aside:
                self._log.error("the upstream system of %s refuses an upload for good; it is kept: %s", site, path)
            self._tell(site, done[site])
        self._tell_all(done)

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            try:
                self.deliver_once()
            except EngageError as error:
                self._log.error("uploads stay on this host: %s", error)
            except Exception:  # a defect must not end it: the spool would fill up
                self._log.exception("delivering uploads failed")
            pause.wait(_DELIVERY_SECONDS)

    def _tell(self, site: str, done: Delivered) -> None:
        before = self._troubles.get(site, "")
        if done.trouble and not before:
            self._log.error("%s upload(s) of %s wait for its upstream system: %s", done.waiting, site, done.trouble)
        elif before and not done.trouble:
            self._log.info("the upstream system of %s takes uploads again", site)
        self._troubles[site] = done.trouble


class EnrolmentThread:
    """Puts callers on their site's list, over and over.

    Args:
        open_side: Opens the services.
        log: Where it is told.
    """

    def __init__(self, open_side: Callable[[], OperatorSide], log: logging.Logger) -> None:
        self._open_side = open_side
        self._log = log
        self._side: OperatorSide | None = None
        self._trouble = ""

    def start(self) -> None:
        """Begin, until the process ends."""
        threading.Thread(target=self._run, name="enrolment", daemon=True).start()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            try:
                self._side = self._side or self._open_side()
                for told in self._side.enrolment.run(Occasion(ACTOR, datetime.now(UTC))):
                    self._log.info(told)
                self._trouble = ""
            except EngageError as error:
                if not self._trouble:
                    self._log.error("callers are not put on lists: %s", error)
                self._trouble = str(error)
            except Exception:  # a defect must not end it
                self._log.exception("putting callers on lists failed")
            pause.wait(_ENROLMENT_SECONDS)
