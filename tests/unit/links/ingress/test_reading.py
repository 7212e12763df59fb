"""Faults of files stop the start with one sentence, before anything listens."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from engage_server.cli.installation import serve_command
from engage_server.cli.session import Session
from engage_server.errors import EngageError, FileNotUsable, SettingsInvalid
from engage_server.links.ingress.contexts import HostContext, HostContexts
from engage_server.links.ingress.ends import ends_of
from engage_server.links.ingress.reading import read_links
from engage_server.pki.keys import private_key_pem
from engage_server.records import Secret
from engage_server.settings import Settings, load_settings
from tests.support.ingress import host_chain, host_files


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation as far as the ingress needs one, with a good host."""
    (tmp_path / "data").mkdir()
    write(tmp_path)
    return load_settings(None, {"ENGAGE_SYSTEM_CONFIG": ""}, {}, tmp_path)


def write(folder: Path, *more: str, files: str = "") -> None:
    files = files or host_files(folder, "links.example.org")
    text = f'[hosts."links.example.org"]\n{files}serves = ["m2u"]\n'
    (folder / "links.toml").write_text("\n".join((text, *more)))


def start(settings: Settings) -> HostContexts:
    """What the supervisor does before it starts instances."""
    (end,) = ends_of(read_links(settings).file)
    return HostContexts(end.hosts)


def fault(settings: Settings) -> EngageError:
    with pytest.raises(EngageError) as caught:
        start(settings)
    assert caught.value.next_step
    return caught.value


def test_a_good_one_starts(settings: Settings) -> None:
    context = start(settings).current()
    assert isinstance(context, HostContext)
    assert context.host.table == "links.example.org"


def test_there_must_be_a_data_folder(settings: Settings) -> None:
    settings.data_dir.rmdir()
    assert isinstance(fault(settings), FileNotUsable)
    assert "engage init" in fault(settings).next_step


def test_the_key_of_the_links_is_no_tls_key(settings: Settings, tmp_path: Path) -> None:
    """Both may be called links.key, and one would take the other's place."""
    write(tmp_path, files='certificate_file = "links.example.org.pem"\nkey_file = "links.key"\n')
    assert "is the file of the setting links_key_file" in fault(settings).sentence


def test_a_key_of_the_links_that_is_none_is_found_at_the_start(settings: Settings) -> None:
    settings.links_key_file.write_text("no key")
    assert "not a key of the links" in fault(settings).sentence


def test_key_and_certificate_belong_together(settings: Settings, tmp_path: Path) -> None:
    key = tmp_path / "links.example.org.key"
    key.write_bytes(private_key_pem(host_chain("links.example.org", "other").server_key).reveal())
    assert "is not the key of the first certificate" in fault(settings).sentence


def test_a_key_that_others_can_read_stops_the_start(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "links.example.org.key").chmod(0o640)
    assert "chmod 600" in fault(settings).next_step


def test_a_key_may_have_a_passphrase(settings: Settings, tmp_path: Path) -> None:
    chain = host_chain("links.example.org")
    locked = private_key_pem(chain.server_key, Secret(b"open sesame")).reveal()
    (tmp_path / "links.example.org.key").write_bytes(locked)
    assert "key_file: " in fault(settings).sentence
    (tmp_path / "pass").write_text("open sesame\n")
    (tmp_path / "pass").chmod(0o600)
    write_with_passphrase(tmp_path, locked)
    assert start(settings).by_name
    (tmp_path / "pass").write_text("open barley\n")
    assert "open barley" not in fault(settings).sentence
    assert "Check key_file and key_passphrase_file." in fault(settings).next_step


def write_with_passphrase(folder: Path, locked: bytes) -> None:
    write(folder, files=host_files(folder, "links.example.org") + 'key_passphrase_file = "pass"\n')
    (folder / "links.example.org.key").write_bytes(locked)


@pytest.mark.parametrize("key", ["certificate_file", "client_ca_file"])
def test_a_file_that_is_no_certificate_is_named(settings: Settings, tmp_path: Path, key: str) -> None:
    (tmp_path / "text.pem").write_text("no certificate")
    files = host_files(tmp_path, "links.example.org")
    if key == "certificate_file":
        files = files.replace("links.example.org.pem", "text.pem")
    else:
        files += 'client_certificates = "optional"\nclient_ca_file = "text.pem"\n'
    write(tmp_path, files=files)
    assert isinstance(fault(settings), SettingsInvalid)
    assert f"{key}: " in fault(settings).sentence
    assert "text.pem" in fault(settings).sentence


def test_contexts_are_renewed_before_their_cache_grows(settings: Settings) -> None:
    contexts = start(settings)
    assert contexts.by_name is not None
    seen = {id(contexts.by_name(b"links.example.org")) for _ in range(1999)}
    assert len(seen) == 1
    renewed = contexts.by_name(b"links.example.org")
    assert id(renewed) not in seen
    assert isinstance(renewed, HostContext)
    assert renewed.begun == 0


@pytest.mark.parametrize("option", ["--bind", "--https-port"])
def test_options_of_device_listeners_are_refused(monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    monkeypatch.setattr(serve_command, "collect_as_usual", lambda: None)  # it is for a process that serves
    done = CliRunner().invoke(serve_command.serve, ["links", option, "443"], obj=Session(None))
    assert f"'serve links' has no option {option}" in str(done.exception)
