"""Checks rows of shared files before a host believes them.

A row becomes a path, and a file that a door gets. Somebody may have written it who is not this program: a person with
a login for the database, or a damaged backup. Such a row costs its one device a sentence, and no host anything else.
"""

import re
from contextlib import suppress

from engage_server.errors import BodyInvalid
from engage_server.protocol.configuration import read_configuration
from engage_server.protocol.database_answer import assert_harmless
from engage_server.protocol.json_body import FILE_DEPTH, read_json
from engage_server.protocol.serial_number import decode_serial
from engage_server.services.device_files.folder import MAX_FILE_BYTES
from engage_server.services.shared_files.contents import FILES, digest_of, rank_in
from engage_server.store.interface.shared_files import REMOVED, SharedHead

_VERSION = re.compile("0x[0-9A-F]{16}")
_TO_DO = "Give the device its file again: engage device import"


def assert_place(head: SharedHead) -> None:
    """Check what becomes a path on this host.

    Raises:
        BodyInvalid: It is no device, no kind of this version, or no version. The sentence quotes nothing of it.
    """
    if decode_serial(head.serial) != head.serial:
        raise BodyInvalid("a shared file in the database belongs to no serial number", _TO_DO)
    if head.kind != REMOVED and head.kind not in FILES:
        raise BodyInvalid(
            "a shared file in the database is of a kind that this version does not know",
            "Install the same version on all hosts.",
        )
    if head.kind == "database" and not _VERSION.fullmatch(head.version):
        raise BodyInvalid("a shared database has a version that is none", _TO_DO)
    if head.length > MAX_FILE_BYTES:
        raise BodyInvalid(f"a shared file in the database has more than {MAX_FILE_BYTES} bytes", _TO_DO)


def is_believed(head: SharedHead) -> bool:
    """Whether :func:`assert_place` accepts a row. Its fault was reported before."""
    with suppress(BodyInvalid):
        assert_place(head)
        return True
    return False


def assert_content(head: SharedHead, content: bytes) -> None:
    """Check what a door would get.

    Raises:
        BodyInvalid: It is damaged, would harm a door, or is another version than the row says. Then it might be an
            older one.
    """
    if digest_of(content) != head.digest:
        raise BodyInvalid("a shared file in the database is damaged", _TO_DO)
    value = read_json(content, FILE_DEPTH)
    if head.kind == "database":
        assert_harmless(value, "the shared database")
        if rank_in(content) != head.version:
            raise BodyInvalid("the shared database has another version than its row says", _TO_DO)
    else:
        read_configuration(value, "the shared configuration")
