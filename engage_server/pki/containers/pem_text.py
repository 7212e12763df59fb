"""Splits PEM text into blocks, and finds forms that stricter programs cannot read."""

import base64
import codecs
import re
from dataclasses import dataclass

# RFC 7468 section 3: a label is words of printable characters except the hyphen, such as "PKCS #7 SIGNED DATA"
_MARK = re.compile(rb"-----(BEGIN|END) ([!-,.-~]+(?: [!-,.-~]+)*)-----")
_REST_OF_LINE = re.compile(rb"[^\n]*")

_UTF32_BEGINS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)  # the first begins with the mark of UTF-16
_UTF32_DASHES = b"-\0\0\0-\0\0\0-\0\0\0-"
_UTF16_DASHES = {"utf-16-le": b"-\0-\0-\0-\0-\0", "utf-16-be": b"\0-\0-\0-\0-\0-"}


@dataclass(frozen=True, slots=True)
class PemBlock:
    """One PEM block.

    Attributes:
        label: The label in its BEGIN and END markers.
        text: The whole block, markers included.
        body: The text between the markers.
    """

    label: str
    text: bytes
    body: bytes

    @property
    def is_encrypted(self) -> bool:
        """Whether it needs a passphrase: PKCS#8 shows it in the label, older formats in a header (RFC 1421)."""
        return self.label.startswith("ENCRYPTED") or b"ENCRYPTED" in self.body

    def decoded(self) -> bytes:
        """Decode the Base64 of the body.

        Raises:
            ValueError: It is not Base64.
        """
        headers, blank, rest = self.body.replace(b"\r", b"").partition(b"\n\n")
        body = rest if blank and b":" in headers else self.body
        return base64.b64decode(b"".join(body.split()), validate=True)


@dataclass(frozen=True, slots=True)
class PemText:
    """The blocks in a PEM text.

    Attributes:
        blocks: The complete blocks, in order.
        without_end: The number and the label of each block without an END marker.
        without_begin: The label of each END marker without a BEGIN marker.
        has_odd_lines: Whether a marker shares its line with other text, or a block contains an empty line. OpenSSL, and
            software built on it, then skips the block or fails.
    """

    blocks: tuple[PemBlock, ...]
    without_end: tuple[tuple[int, str], ...]
    without_begin: tuple[str, ...]
    has_odd_lines: bool


def is_pem(content: bytes) -> bool:
    """Whether it contains a PEM marker, even a broken one."""
    return b"-----BEGIN " in content or b"-----END " in content


def take_apart(content: bytes) -> PemText:
    """Find the blocks. Text around them, such as the dump of ``openssl ca``, is ignored."""
    blocks: list[PemBlock] = []
    without_end: list[tuple[int, str]] = []
    without_begin: list[str] = []
    opened: re.Match[bytes] | None = None
    begun, odd = 0, False
    for mark in _MARK.finditer(content):
        odd = odd or not _has_its_line(content, mark)
        if mark[1] == b"BEGIN":
            if opened is not None:
                without_end.append((begun, _label(opened)))
            opened, begun = mark, begun + 1
        elif opened is not None and opened[2] == mark[2]:
            body = content[opened.end() : mark.start()]
            odd = odd or _has_empty_line(body)
            blocks.append(PemBlock(_label(mark), content[opened.start() : mark.end()], body))
            opened = None
        else:
            without_begin.append(_label(mark))
    if opened is not None:
        without_end.append((begun, _label(opened)))
    return PemText(tuple(blocks), tuple(without_end), tuple(without_begin), odd)


def is_utf32(content: bytes) -> bool:
    """Whether it is UTF-32 text, by its mark or by the dashes of a PEM marker."""
    return content.startswith(_UTF32_BEGINS) or _UTF32_DASHES in content


def as_narrow_text(content: bytes) -> bytes | None:
    """Convert UTF-16 to UTF-8; None for anything else. PowerShell writes UTF-16 with ``>`` and ``Out-File``."""
    encoding = None
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    else:
        encoding = next((name for name, dashes in _UTF16_DASHES.items() if content.find(dashes) % 2 == 0), None)
    return content.decode(encoding, "replace").encode("utf-8", "replace") if encoding else None


def from_base64_of_pem(content: bytes) -> bytes | None:
    """Decode the Base64 of a whole PEM text, as Kubernetes secrets and CI variables hold it; None for anything else."""
    try:
        text = base64.b64decode(b"".join(content.split()), validate=True)
    except ValueError:
        return None
    return text if is_pem(text) else None


def from_bare_base64(content: bytes) -> bytes | None:
    """Decode Base64 without markers, as some programs write a ``.cer`` file; None for anything else."""
    text = b"".join(content.split())
    if not text.startswith(b"M"):  # stands for 0x30, the first byte of DER
        return None
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def _label(mark: re.Match[bytes]) -> str:
    return mark[2].decode("ascii")


def _has_its_line(content: bytes, mark: re.Match[bytes]) -> bool:
    before = content[max(0, mark.start() - len(codecs.BOM_UTF8)) : mark.start()]
    is_first = before in (b"", codecs.BOM_UTF8)
    rest = _REST_OF_LINE.match(content, mark.end())
    return (is_first or before.endswith(b"\n")) and (rest is None or not rest[0].strip())


def _has_empty_line(body: bytes) -> bool:
    """Whether the body contains an empty line, other than the one that ends RFC 1421 headers."""
    text = body.replace(b"\r", b"").strip(b" \t\n")
    return b"\n\n" in text and b":" not in text
