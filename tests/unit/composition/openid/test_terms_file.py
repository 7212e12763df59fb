"""What the settings and ``oidc.toml`` say about the OpenID provider, and what stops the start."""

from pathlib import Path

import pytest

from engage_server.composition.openid.terms_file import base_of, read_openid_file, read_openid_terms, stored_subject
from engage_server.errors import NotInstalled, SettingsInvalid, UsageError
from engage_server.files.toml_table import Where
from engage_server.records import Grant, Role
from engage_server.services.access.openid import terms
from engage_server.settings import Settings, load_settings

ISSUER = "https://sso.example.org/realms/main"
FILE = '[groups."/doors"]\nrole = "operator"\nsites = ["depot"]\n\n[groups.chiefs]\nrole = "admin"\nadmin = true\n'


def settings(folder: Path, **values: str | int | None) -> Settings:
    """As a settings file in this folder has them."""
    (folder / "oidc.toml").write_text(FILE)
    (folder / "oidc.secret").write_text("s3cret\n")
    (folder / "oidc.secret").chmod(0o600)
    given = {"oidc_issuer": ISSUER, "oidc_client_id": "engage", "oidc_client_secret_file": "oidc.secret"} | values
    lines = [f'{name} = "{value}"' for name, value in given.items() if value is not None]
    (folder / "engage.toml").write_text("\n".join(lines))
    return load_settings(None, {}, {}, folder)


def test_all_of_it(tmp_path: Path) -> None:
    found = read_openid_terms(settings(tmp_path, operators_port=8123))
    assert found is not None
    assert (found.issuer, found.client_id, found.scopes) == (ISSUER, "engage", ("openid", "profile", "email"))
    assert found.client_secret is not None
    assert found.client_secret.reveal() == b"s3cret"
    assert found.return_url == "http://localhost:8123/sign-in/openid/return"
    assert dict(found.groups) == {"/doors": Grant(Role.OPERATOR, frozenset({"depot"})), "chiefs": Grant(Role.ADMIN)}
    assert "s3cret" not in repr(found)


def test_without_a_provider_there_are_none(tmp_path: Path) -> None:
    without = settings(tmp_path, oidc_issuer=None, oidc_client_id=None, oidc_client_secret_file=None)
    assert read_openid_terms(without) is None
    assert base_of(without) == ""
    with pytest.raises(UsageError, match="no OpenID provider is set"):
        stored_subject(without, "1")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"oidc_issuer": None}, "oidc_issuer is not"),
        ({"oidc_client_id": None}, "oidc_client_id is not"),
        ({"oidc_issuer": "http://sso.example.org"}, "begin with https"),
        ({"oidc_issuer": "sso.example.org"}, "must be a URL"),
        ({"oidc_issuer": "https://user:pw@sso.example.org"}, "must be a URL"),
        ({"oidc_issuer": "https://sso.example.org/?x=1"}, "must be a URL"),
        ({"oidc_issuer": "https://[sso"}, "must be a URL"),
        ({"oidc_issuer": "https://sso.example.org/" + "x" * 200}, "at most 200"),
        ({"oidc_scopes": "profile"}, "openid must be one"),
        ({"oidc_client_secret_file": "none"}, "cannot read it"),
        ({"oidc_file": "none.toml"}, "oidc_file"),
    ],
)
def test_settings_that_cannot_be_used(tmp_path: Path, values: dict[str, str | None], told: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        read_openid_terms(settings(tmp_path, **values))
    assert told in f"{caught.value.sentence} {caught.value.next_step}"
    assert "pw@" not in str(caught.value)


def test_a_provider_on_this_machine_may_do_without_tls(tmp_path: Path) -> None:
    assert read_openid_terms(settings(tmp_path, oidc_issuer="http://127.0.0.1:9000")) is not None


def test_without_the_extra_the_start_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engage_server.composition.openid.terms_file.find_spec", lambda name: None)
    with pytest.raises(NotInstalled, match="needs authlib") as caught:
        read_openid_terms(settings(tmp_path))
    assert "requirements-oidc.lock" in caught.value.next_step


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("", "the key groups is missing"),
        ("[groups]\n", "there is no group"),
        ("[groups.a]\n", "[groups.a]: the key role is missing"),
        ("[groups.a]\nrole = 'boss'\n", "it must be one of"),
        ("[groups.a]\nrole = 'admin'\n", "admins need both"),
        ("[groups.a]\nrole = 'approver'\nadmin = true\n", "admins need both"),
        ("[groups.a]\nrole = 'admin'\nadmin = 'true'\n", "true or false"),
        ("[groups.a]\nrole = 'viewer'\nsites = []\n", "it names no site"),
        ("[groups.a]\nrole = 'viewer'\nsites = 'depot'\n", "it must be a list"),
        ("[groups.a]\nrole = 'viewer'\nsite = ['depot']\n", "Did you mean sites?"),
        ("[group.a]\nrole = 'viewer'\n", "Did you mean groups?"),
        ("group_claim = 'roles'\n[groups.a]\nrole = 'viewer'\n", "Did you mean groups_claim?"),
        ("not toml", "it is not TOML"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, file: str, told: str) -> None:
    (tmp_path / "oidc.toml").write_text(file)
    with pytest.raises(SettingsInvalid) as caught:
        read_openid_file(Where(tmp_path / "oidc.toml"))
    assert told in caught.value.sentence


def test_claims_of_another_name(tmp_path: Path) -> None:
    (tmp_path / "oidc.toml").write_text("groups_claim = 'roles'\nname_claim = 'upn'\n[groups.a]\nrole = 'viewer'\n")
    found = read_openid_file(Where(tmp_path / "oidc.toml"))
    assert (found.groups_claim, found.name_claim) == ("roles", "upn")


@pytest.mark.parametrize("subject", ["", " ", "x" * 256])
def test_what_is_no_subject(tmp_path: Path, subject: str) -> None:
    with pytest.raises(UsageError, match="1 to 255"):
        stored_subject(settings(tmp_path), subject)


@pytest.mark.parametrize(
    ("groups", "grant"),
    [
        ([], None),
        (["none"], None),
        (["some", "other"], Grant(Role.OPERATOR, frozenset({"a", "b"}))),
        (["some", "all"], Grant(Role.OPERATOR)),
        (["some", "low"], Grant(Role.OPERATOR, frozenset({"a"}))),
        (["low"], Grant(Role.VIEWER)),
    ],
)
def test_the_highest_role_counts(groups: list[str], grant: Grant | None) -> None:
    table = {
        "some": Grant(Role.OPERATOR, frozenset({"a"})),
        "other": Grant(Role.OPERATOR, frozenset({"b"})),
        "all": Grant(Role.OPERATOR),
        "low": Grant(Role.VIEWER),
    }
    assert terms.grant_of(groups, table) == grant
