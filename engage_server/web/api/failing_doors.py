"""Asks before doors fail TLS: a caller has to say that they accept it. Going back is the same as going forward here."""

from engage_server.errors import Refused
from engage_server.services.releases.reception import Reception
from engage_server.services.releases.reception_words import sentence_of


def assert_no_door_fails(reception: Reception) -> None:
    """Refuse what doors would refuse.

    Raises:
        Refused: Doors would refuse TLS (``doors.fail``).
    """
    if not reception.fails_somebody:
        return
    first, *rows = sentence_of(reception, "would refuse").split("\n")
    raise Refused(
        first, "Nothing was changed. To do it anyway, send accept_failing_doors: true.", code="doors.fail", rows=rows
    )
