"""What a device's file may have beside each upload, and what a damaged one may."""

from datetime import timedelta

import pytest

from engage_server.as_json.uploads import UploadJson, upload_json
from engage_server.services.device_files.uploads import taken
from tests.support.chains import NOW
from tests.support.shapes import judge

DAY = timedelta(days=1)


def test_it_says_what_came_again() -> None:
    first = taken([], {"auditEvents": [{"a": 1}]}, NOW).entries
    (found,) = (upload_json(each) for each in taken(first, {"auditEvents": [{"a": 1}]}, NOW + DAY).entries)
    assert (found["times"], len(found["again"]), found["repeated"], found["unread"]) == (2, 1, [], None)
    judge(UploadJson, found)


def test_it_says_which_call_it_was_and_what_was_not_read() -> None:
    (found,) = (upload_json(each) for each in taken([], [{"a": 1}, {"a": 2}], NOW, 1, call="scan").entries)
    assert (found["call"], found["unread"]) == ("scan", 2)
    judge(UploadJson, found)


@pytest.mark.parametrize("value", ["x", None, {"a": 1}, [None], [True], True, 1.5])
def test_what_is_damaged_is_left_out(value: object) -> None:
    entry = {"receivedAt": "2026-01-01T00:00:00Z", "digest": "ab", "upload": {}}
    damaged = entry | dict.fromkeys(("times", "again", "call", "repeated", "unread"), value)
    found = upload_json(damaged)
    judge(UploadJson, found)
    assert (found["times"], found["again"], found["repeated"], found["unread"]) == (1, [], [], None)
