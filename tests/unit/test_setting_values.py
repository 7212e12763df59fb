"""A setting's value means the same, whichever way it is read."""

import dataclasses
import subprocess
import sys
from datetime import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engage_server.setting_values import NOT_TAKEN, ValueRefused, read_by_pydantic, taken_as_it_is, value_of
from engage_server.settings import Settings

HOSTS = "it must be a list of names and addresses without ports, such as localhost"
NETWORKS = "it must be a list of networks such as 10.0.0.0/8"
TIME_OF_DAY = 'it must be a time of day such as "02:30": hours and minutes, with a colon between them'
KINDS = {field.name: field.type for field in dataclasses.fields(Settings)}
NUMBERS = (" 8 ", "8", "008", "0", "65536", "-1", "+8", "1_0", "9" * 19, "1e3")
TEXTS = ("", *NUMBERS, "true", "legacy", "a/b", "10.0.0.0/8, fd00::/8", "10.0.0.1/8", "\0", "٣")
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 100_000_001),
    st.floats(-1, 700),
    st.sampled_from([0, 1, 2, 64, 65, 600, 600.1, 65535, 65536, float("nan"), float("inf"), 10**400]),
    st.sampled_from(TEXTS),
    st.text(max_size=5),
    st.lists(st.sampled_from(["10.0.0.0/8", "10.0.0.1/8", "fd00::/8", 7, True, None]), max_size=3),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=1),
)


@given(st.sampled_from(sorted(KINDS)), VALUES)
@example("workers", True)  # an int to Python, and none in a settings file
@example("poll_seconds", 2)
@example("poll_seconds", float("nan"))
@example("backup_at", [])
def test_what_is_taken_as_it_is_would_be_read_the_same(name: str, value: Any) -> None:
    taken = taken_as_it_is(KINDS[name], value)
    if taken is NOT_TAKEN:
        return
    read = read_by_pydantic(KINDS[name], value)
    assert (type(taken), taken) == (type(read), read)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_defaults_are_taken_as_they_are(name: str) -> None:
    """Else an installation as ``engage init`` makes it would import what it does not need."""
    default = next(field.default for field in dataclasses.fields(Settings) if field.name == name)
    as_text = {
        "database_url": "sqlite:///data/engage.db",
        "trusted_proxies": [],
        "proxy_protocol_from": [],
        "key_encryption_key_command": [],
        "operators_hosts": ["localhost", "127.0.0.1", "[::1]"],
    }
    in_a_file = as_text.get(name, str(default) if isinstance(default, Path) else default)
    if in_a_file is not None:
        assert taken_as_it_is(KINDS[name], in_a_file) == default


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("workers", 0, "it must be a whole number of at least 1 and at most 64"),
        ("public_http_port", 0, "it must be a whole number of at least 1 and at most 65535"),
        ("workers", "two", "it must be a whole number of at least 1 and at most 64"),
        ("http_port", True, "it must be a whole number of at least 1 and at most 65535"),
        ("workers", False, "it must be a whole number of at least 1 and at most 64"),
        ("poll_seconds", True, "it must be a number above 0 and at most 2"),
        ("poll_seconds", 2.5, "it must be a number above 0 and at most 2"),
        ("max_connections", 1, "it must be a whole number of at least 16 and at most 1000000"),
        ("access_log", "perhaps", "it must be true or false"),
        ("tls_profile", "modern", "it must be default or legacy"),
        ("tls_profile", True, "it must be default or legacy"),
        ("trusted_proxies", ["10.0.0.1/8"], f"{NETWORKS}: 10.0.0.1/8 has host bits set"),
        ("trusted_proxies", 7, NETWORKS),
        ("operators_hosts", [], f"{HOSTS}: it names none"),
        ("operators_hosts", " , ", f"{HOSTS}: it names none"),
        ("operators_hosts", ["*"], f"{HOSTS}: '*' is neither a DNS name nor an IP address"),
        ("operators_hosts", "localhost:8008", f"{HOSTS}: 'localhost:8008' is neither a DNS name nor an IP address"),
        ("operators_hosts", [True], f"{HOSTS}: an entry is not text"),
        ("operators_hosts", 7, HOSTS),
        ("database_url", 7, "it must be text"),
        ("bind", True, "it must be text"),
        ("data_dir", 7, "it must be a path"),
        ("backup_at", [], TIME_OF_DAY),
        ("backup_at", 2, TIME_OF_DAY),
        ("backup_at", time(2, 30, 1), TIME_OF_DAY),
        ("backup_at", "2:30", TIME_OF_DAY),
    ],
)
def test_what_is_refused_says_why(name: str, value: object, why: str) -> None:
    assert taken_as_it_is(KINDS[name], value) is NOT_TAKEN
    with pytest.raises(ValueRefused) as caught:
        read_by_pydantic(KINDS[name], value)
    assert caught.value.reasons == [why]


@pytest.mark.parametrize("given", ["LOCALHOST., [0:0::1] ,127.0.0.1", ["localhost", "::1", "127.0.0.1"]])
def test_hosts_have_one_spelling(given: object) -> None:
    assert [host.text for host in value_of(KINDS["operators_hosts"], given)] == ["localhost", "::1", "127.0.0.1"]


@pytest.mark.parametrize(("workers", "imported"), [("2", "False"), ("'2'", "False"), ("' 2'", "True")])
def test_a_settings_file_imports_no_pydantic(workers: str, imported: str, tmp_path: Path) -> None:
    (tmp_path / "engage.toml").write_text(f"workers = {workers}\ntrusted_proxies = ['10.0.0.0/8']\n")
    program = (
        "import sys\nfrom pathlib import Path\nfrom engage_server.settings import load_settings\n"
        "assert load_settings(None, {}, {}, Path.cwd()).workers == 2\nprint('pydantic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == imported
