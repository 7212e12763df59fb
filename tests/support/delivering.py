"""Uploads, and their way to a partner's system."""

from datetime import datetime
from pathlib import Path

from engage_server.records import Upstream
from engage_server.services.call_in.delivering.delivery import UpstreamDelivery
from engage_server.services.call_in.delivering.upload_spool import Upload, UpstreamSpool
from tests.support.chains import NOW
from tests.support.disk import room_in
from tests.support.partner import Partner
from tests.support.world import serial_of


def upload(number: int, kind: str = "audit", device: int = 1, *, at: datetime = NOW) -> Upload:
    body = f'{{"serialNumber":"{serial_of(device)}","n":{number}}}'.encode()
    return Upload(kind, f"/swordfish/lock/{kind}", body, "application/json", "Device secret", "192.0.2.1", at)


class Delivering:
    """A spool, a partner, and time in the test's hand."""

    def __init__(self, folder: Path, partner: Partner) -> None:
        self.spool = UpstreamSpool(room_in(folder.parent / "data", folder))
        self.partner = partner
        self.restart()
        self.now = NOW

    def restart(self) -> None:
        """Deliver from now on as a process that has just begun."""
        self.delivery = UpstreamDelivery("main", self.spool, Upstream(self.partner.url, 2))

    def append(self, *numbers: int, device: int = 1) -> None:
        for number in numbers:
            self.spool.append("main", serial_of(device), upload(number, device=device))

    def taken(self, device: int = 1) -> list[int]:
        return [each["n"] for each in self.partner.taken[serial_of(device)]]
