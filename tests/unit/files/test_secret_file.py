"""A secret is read from a file that only its owner can read."""

from pathlib import Path

import pytest

from engage_server.errors import SettingsInvalid
from engage_server.files.secret_file import read_secret_file


def written(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "login"
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("content", "secret"),
    [(b"s\n", b"s"), (b"s\r\n", b"s"), (b"s", b"s"), (b" s \n\n", b" s \n"), (b"\xff\0", b"\xff\0")],
)
def test_one_line_end_is_no_part_of_it(tmp_path: Path, content: bytes, secret: bytes) -> None:
    assert read_secret_file(written(tmp_path, content)).reveal() == secret


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_others_have_no_right_to_it(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path, b"S3cret\n", mode)
    with pytest.raises(SettingsInvalid) as caught:
        read_secret_file(path)
    assert caught.value.next_step == f"chmod 600 {path}"
    assert "S3cret" not in caught.value.sentence


@pytest.mark.parametrize("content", [b"", b"\n", b"x" * 4097])
def test_what_cannot_be_a_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SettingsInvalid, match="login"):
        read_secret_file(written(tmp_path, content))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="none: cannot read it: No such file"):
        read_secret_file(tmp_path / "none")
