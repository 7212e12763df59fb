"""What people call a device or a site: words beside the serial number or name that machines know it by."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from engage_server.errors import UsageError
from engage_server.shown_text import without_controls

LONGEST_NAME = 80
LONGEST_PLACE = 120
LONGEST_WORDS = 120  # characters of a label that a search compares
_BEGINNING_OF_A_WORD = re.compile(r"(?<!\w)\w")
_BEFORE_THE_FIRST_WORD = re.compile(r"\A\W+(?=\w)")
# control characters, marks that turn the direction of text or are not seen at all, bytes that were no UTF-8, and code
# points without a character
_REFUSED = ("Cc", "Cf", "Cs", "Co", "Cn")


@dataclass(frozen=True, slots=True)
class DeviceLabel:
    """What people call a device. :func:`read_label` reads each part; the constructor checks nothing.

    Attributes:
        name: Such as ``North entrance``. "" for none. Several devices may have the same.
        place: Where it is, such as ``Building 3, ground floor``. "" if nobody said.
    """

    name: str = ""
    place: str = ""

    def __bool__(self) -> bool:
        return bool(self.name or self.place)


NO_LABEL = DeviceLabel()


@dataclass(frozen=True, slots=True)
class NamedDevice:
    """A device with its label, as an example in a sentence.

    Attributes:
        identity: Its serial number, or its address.
        label: What people call it.
    """

    identity: str
    label: DeviceLabel = NO_LABEL

    @property
    def title(self) -> str:
        """See :func:`door_title`."""
        return door_title(self.identity, self.label)


def door_title(identity: str, label: DeviceLabel) -> str:
    """A device as every sentence for people names it: its name first, then its serial number or address.

    Without a name, its place stands there. What a terminal would act on is escaped, also in labels that were stored
    by other means.
    """
    words = label.name or label.place
    return f"{without_controls(words)} ({identity})" if words else identity


def read_label(text: str, what: str, longest: int) -> str:
    """Read a name or a place as it is stored: on one line, in composed characters, with single spaces.

    Args:
        text: What somebody wrote. Line ends and tabs become spaces.
        what: What it is, for errors, such as ``name``.
        longest: The largest number of characters.

    Raises:
        UsageError: It is too long (``label.too_long``). Or it holds a control character, an invisible one, or one that
            turns the direction of text (``label.character``).
    """
    label = unicodedata.normalize("NFC", " ".join(text.split()))
    for each in label:
        if unicodedata.category(each) in _REFUSED:
            raise UsageError(
                f"the {what} has the character U+{ord(each):04X}, which is invisible or controls a terminal",
                "Leave it out.",
                code="label.character",
            )
    if len(label) > longest:
        raise UsageError(
            f"the {what} has {len(label)} characters, and {longest} are the most", "Write less.", code="label.too_long"
        )
    return label


def searched_words(text: str) -> str:
    """What somebody searches for, as :func:`words_of` spells it. "" for what is only spaces.

    Case, accents and what stands before the first letter or digit do not count.
    """
    folded = _folded(text)
    return _BEFORE_THE_FIRST_WORD.sub("", folded, count=1)[:LONGEST_WORDS] if folded else ""


def words_of(label: DeviceLabel) -> frozenset[str]:
    """What can be searched for in a label: its name from each word on, and its place from each word on."""
    return frozenset(words for part in (label.name, label.place) for words in _from_each_word(_folded(part)))


def _from_each_word(folded: str) -> Iterator[str]:
    for found in _BEGINNING_OF_A_WORD.finditer(folded):
        yield folded[found.start() :][:LONGEST_WORDS]
    if folded and not _BEGINNING_OF_A_WORD.match(folded):  # signs, which may be all that there is
        yield folded[:LONGEST_WORDS]


def _folded(text: str) -> str:
    """Without case and accents. Unicode never changes that for a character that it knows already."""
    spread = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return " ".join("".join(each for each in spread if not unicodedata.combining(each)).split())
