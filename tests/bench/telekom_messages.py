"""Telekom's notifications, verified, kept and answered signed, for ``scripts/bench-links``."""

import datetime as dt
from pathlib import Path

from engage_server.links.telekom.messages.signing import sign
from tests.bench.links import HOST, Load
from tests.support.chains import NOW
from tests.support.signed_messages import NOTIFICATION, soap
from tests.support.telekom_ingress import request, write_ingress_files
from tests.support.telekom_links import parties


def notifications(folder: Path, count: int) -> Load:
    """The portal calls. They are signed for five minutes from now: that is enough for some 50,000."""
    portal, _ = parties(NOW)
    at = dt.datetime.now(dt.UTC)
    bodies = (NOTIFICATION.replace("ACTIVE", str(number)) for number in range(count))
    requests = [request(sign(soap(body), portal, at), host=HOST) for body in bodies]
    return Load("Telekom notification", write_ingress_files(folder), requests, 200)


LOADS = (notifications,)
