"""Where values come from, and that nothing wrong is forgiven."""

import tomllib
from pathlib import Path

import pytest

from engage_server.errors import SettingsInvalid
from engage_server.setting_values import SecretText
from engage_server.settings import load_settings, table_of_settings
from engage_server.settings_file import settings_file
from engage_server.settings_text import settings_template, shown_value


def write(folder: Path, text: str) -> Path:
    path = folder / "engage.toml"
    path.write_text(text)
    return path


def test_each_source_beats_the_one_before(tmp_path: Path) -> None:
    assert load_settings(None, {}, {}, tmp_path).http_port == 80
    write(tmp_path, "http_port = 8001")
    assert load_settings(None, {}, {}, tmp_path).http_port == 8001
    assert load_settings(None, {"ENGAGE_HTTP_PORT": "8002"}, {}, tmp_path).http_port == 8002
    assert load_settings(None, {"ENGAGE_HTTP_PORT": "8002"}, {"http_port": 8003}, tmp_path).http_port == 8003
    assert load_settings(None, {}, {"http_port": None}, tmp_path).http_port == 8001


def test_the_settings_file_is_looked_for_in_this_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is named, the environment's, the one here, the system's: the first that there is, and no other."""
    system = tmp_path / "etc" / "engage.toml"
    monkeypatch.setattr("engage_server.settings_file.SYSTEM_FILE", system)
    here = tmp_path / "here"
    for folder in ("etc", "here", "by-variable", "by-option"):
        (tmp_path / folder).mkdir()
    variable, option = tmp_path / "by-variable" / "engage.toml", tmp_path / "by-option" / "engage.toml"
    assert settings_file(None, {}, here) == (here / "engage.toml", False), "there is none"
    system.write_text("workers = 1")
    assert load_settings(None, {}, {}, here).workers == 1
    assert load_settings(None, {}, {}, here).data_dir == tmp_path / "etc" / "data"
    assert load_settings(None, {"ENGAGE_SYSTEM_CONFIG": ""}, {}, here).workers == 2, "kept out, as in tests"
    write(here, "workers = 3")
    assert load_settings(None, {}, {}, here).workers == 3
    variable.write_text("workers = 4")
    assert load_settings(None, {"ENGAGE_CONFIG": str(variable)}, {}, here).workers == 4
    option.write_text("workers = 5")
    assert load_settings(option, {"ENGAGE_CONFIG": str(variable)}, {}, here).workers == 5


def test_a_system_file_that_this_user_may_not_read_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As /etc/engage-server has mode 0750: else the commands would look for another installation, or make one."""

    def refused(_path: Path, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    system = tmp_path / "engage.toml"
    monkeypatch.setattr("engage_server.settings_file.SYSTEM_FILE", system)
    here = tmp_path / "here"
    here.mkdir()
    stat = Path.stat
    monkeypatch.setattr(Path, "stat", lambda path, **how: refused(path) if path == system else stat(path, **how))
    monkeypatch.setattr(Path, "read_text", refused)
    with pytest.raises(SettingsInvalid, match="Permission denied") as caught:
        load_settings(None, {}, {}, here)
    assert "such as root" in caught.value.next_step


def test_the_database_follows_the_folder_of_data(tmp_path: Path) -> None:
    def database(text: str) -> str:
        write(tmp_path, text)
        return load_settings(None, {}, {}, tmp_path).database_url.reveal()

    assert database("") == f"sqlite:///{tmp_path}/data/engage.db"
    assert database('data_dir = "elsewhere"') == f"sqlite:///{tmp_path}/elsewhere/engage.db"
    assert database('data_dir = "/srv/x"\ndatabase_url = "sqlite:///y.db"') == f"sqlite:///{tmp_path}/y.db"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "engage.db").touch()
    assert database('data_dir = "elsewhere"') == f"sqlite:///{tmp_path}/data/engage.db", "an earlier version's"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "engage.db").touch()
    assert database('data_dir = "elsewhere"') == f"sqlite:///{tmp_path}/elsewhere/engage.db"


def test_relative_paths_start_at_the_settings_file(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    file = write(tmp_path / "etc", 'data_dir = "d"\ncerts_dir = "/srv/certs"\ndatabase_url = "sqlite:///d/x.db"')
    for settings in (
        load_settings(Path("etc/engage.toml"), {}, {}, tmp_path),
        load_settings(None, {"ENGAGE_CONFIG": str(file)}, {}, tmp_path / "elsewhere"),
    ):
        assert settings.data_dir == tmp_path / "etc" / "d"
        assert settings.certs_dir == Path("/srv/certs")
        assert settings.key_encryption_key_file == tmp_path / "etc" / "engage.kek"
        assert settings.database_url.reveal() == f"sqlite:///{tmp_path}/etc/d/x.db"


@pytest.mark.parametrize(
    "url", ["sqlite:////srv/x.db", "postgresql://engage:pw@db/engage"], ids=["absolute path", "postgresql"]
)
def test_other_urls_stay_as_they_are(url: str, tmp_path: Path) -> None:
    assert load_settings(None, {"ENGAGE_DATABASE_URL": url}, {}, tmp_path).database_url.reveal() == url


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("htp_port = 80", "no setting htp_port. Did you mean http_port?"),
        ("http_port = 0", "http_port"),
        ("http_port = 'eighty'", "http_port"),
        ("https_port = 70000", "https_port"),
        ("workers = 0", "workers"),
        ("http_port = true", "http_port"),
        ("poll_seconds = 3", "poll_seconds"),
        ("tls_profile = 'modern'", "tls_profile"),
        ("http_port = 8443\nhttps_port = 8443", "http_port and https_port are both 8443"),
        ("trusted_proxies = ['10.0.0.1/8']", "trusted_proxies"),
        ("trusted_proxies = 7", "trusted_proxies"),
        ("http_port", "is not TOML"),
    ],
)
def test_what_can_not_be_used_stops_the_start(text: str, what: str, tmp_path: Path) -> None:
    write(tmp_path, text)
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(None, {}, {}, tmp_path)
    assert what in caught.value.sentence
    assert "engage.toml" in caught.value.sentence


def test_unknown_variables_stop_the_start_too(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"no setting ENGAGE_WORKER\. Did you mean workers"):
        load_settings(None, {"ENGAGE_WORKER": "2"}, {}, tmp_path)


def test_variables_that_are_no_settings(tmp_path: Path) -> None:
    known = {"ENGAGE_KEY_ENCRYPTION_KEY": "x", "ENGAGE_SITE_KEY": "x", "ENGAGE_PASSPHRASE": "x", "ENGAGE_CONFIG": ""}
    load_settings(None, known, {}, tmp_path)


def test_a_file_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="No such file"):
        load_settings(Path("gone.toml"), {}, {}, tmp_path)
    with pytest.raises(SettingsInvalid, match="No such file"):
        load_settings(None, {"ENGAGE_CONFIG": "gone.toml"}, {}, tmp_path)


def test_a_bad_value_is_not_repeated_because_it_may_be_a_secret(tmp_path: Path) -> None:
    write(tmp_path, 'database_url = ["postgresql://engage:hunter2@db/engage"]')
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(None, {}, {}, tmp_path)
    assert "hunter2" not in caught.value.sentence


def test_a_password_shows_nowhere(tmp_path: Path) -> None:
    settings = load_settings(None, {"ENGAGE_DATABASE_URL": "postgresql://engage:hunter2@db/engage"}, {}, tmp_path)
    assert "hunter2" not in repr(settings)
    assert shown_value(settings.database_url) == "postgresql://engage:***@db/engage"
    url = SecretText("postgresql://db/engage?user=x&password=hunter2&sslmode=require")
    assert shown_value(url) == "postgresql://db/engage?user=x&password=***&sslmode=require"


def test_lists_from_the_environment(tmp_path: Path) -> None:
    settings = load_settings(None, {"ENGAGE_TRUSTED_PROXIES": "10.0.0.0/8, fd00::/8"}, {}, tmp_path)
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "fd00::/8"]


def test_the_template_says_the_defaults(tmp_path: Path) -> None:
    template = settings_template()
    assert tomllib.loads(template) == {}
    lines = [line.removeprefix("#") for line in template.splitlines() if not line.startswith("# ")]
    write(tmp_path, "\n".join(line for line in lines if not line.endswith('= ""')))
    taken = load_settings(None, {}, {}, tmp_path)
    (tmp_path / "engage.toml").unlink()
    assert taken == load_settings(None, {}, {}, tmp_path)
    for row in table_of_settings():
        assert f"#{row.name} = " in template


@pytest.mark.parametrize("everybody", ["0.0.0.0/0", "::/0", "10.0.0.21/32,0.0.0.0/0"])
def test_everybody_is_no_balancer(tmp_path: Path, everybody: str) -> None:
    with pytest.raises(SettingsInvalid, match="proxy_protocol_from names all addresses"):
        load_settings(None, {"ENGAGE_PROXY_PROTOCOL_FROM": everybody}, {}, tmp_path)
    some = load_settings(None, {"ENGAGE_PROXY_PROTOCOL_FROM": "10.0.0.0/8"}, {}, tmp_path)
    assert len(some.proxy_protocol_from) == 1


def test_the_public_port_stands_in_for_the_served_one(tmp_path: Path) -> None:
    assert load_settings(None, {"ENGAGE_HTTP_PORT": "8080"}, {}, tmp_path).cert_url_port == 8080
    assert (
        load_settings(None, {"ENGAGE_PUBLIC_HTTP_PORT": "80", "ENGAGE_HTTP_PORT": "1"}, {}, tmp_path).cert_url_port
        == 80
    )
