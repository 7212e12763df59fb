"""Consent to what makes doors fail TLS."""

from engage_server.errors import Refused
from engage_server.services.releases.reception import Reception
from engage_server.services.releases.reception_words import sentence_of
from engage_server.web.api.route import Body


class Accepting(Body):
    """A body whose act may make doors fail."""

    accept_failing_doors: bool = False
    """Whether to go on although doors would refuse TLS at their next call. Without it, the problem names them."""

    def assert_wanted(self, reception: Reception) -> None:
        """Refuse what doors would refuse, unless the caller accepts that.

        Raises:
            Refused: Doors would refuse TLS (``doors.fail``).
        """
        if self.accept_failing_doors or not reception.fails_somebody:
            return
        first, *rows = sentence_of(reception, "would refuse").split("\n")
        raise Refused(
            first,
            "Nothing was changed. To do it anyway, send accept_failing_doors: true.",
            code="doors.fail",
            rows=rows,
        )
