"""Talk2M M2U on the wire: nine spellings of its header fields by sockets and curl, behind nginx, and its commands."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.commands import engage, ok
from tests.support.ingress import SharedIngress
from tests.support.m2u import basic
from tests.support.ports import free_port
from tests.support.running import PATIENCE, eventually

ACCOUNT, REST = "X_Talk2M_Account: acme", "X_Talk2M_Device: ewon-1\r\nX_Talk2M_SerialNumber: 5\r\n"
AUTHORIZATION = f"Authorization: {basic()[1]}\r\n"

# the fields of the account, and the status: nine spellings, of which three are genuine
SPELLINGS = [
    ([ACCOUNT], 200),
    (["x_talk2m_account: acme"], 200),
    (["X_TALK2M_ACCOUNT: acme"], 200),
    (["X-Talk2M-Account: acme"], 400),
    (["X-Talk2M_Account: acme"], 400),
    (["X_Talk2M-Account: acme"], 400),
    ([ACCOUNT, "X-Talk2M-Account: forged"], 400),
    ([ACCOUNT, ACCOUNT], 400),
    (["X_Talk2M_Account : acme"], 400),
]


@pytest.mark.parametrize(("fields", "status"), SPELLINGS, ids=[" + ".join(each[0]) for each in SPELLINGS])
def test_a_socket_gets_what_its_spelling_deserves(
    shared_ingress: SharedIngress, fields: Sequence[str], status: int
) -> None:
    lines = "".join(f"{field}\r\n" for field in fields)
    head = f"POST /m2u/plant HTTP/1.1\r\nHost: links.example.org\r\n{AUTHORIZATION}{lines}{REST}Content-Length: 0\r\n"
    assert shared_ingress.ask(f"{head}\r\n".encode())[0] == status
    stranger = head.replace(AUTHORIZATION, "").replace("Content-Length: 0", "Content-Length:  0")
    assert shared_ingress.ask(f"{stranger}\r\n".encode())[0] == (400 if " :" in fields[0] else 401)


def curl(port: int, *options: str, scheme: str = "https", path: str = "/m2u/plant") -> int:
    """The status that curl gets; 0 if it gets none."""
    done = subprocess.run(
        [
            *("curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", "a=1"),
            *("--resolve", f"links.example.org:{port}:127.0.0.1", "--resolve", f"cert.example.org:{port}:127.0.0.1"),
            *options,
            path if path.startswith("http") else f"{scheme}://links.example.org:{port}{path}",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    return int(done.stdout or 0)


def header_options(fields: Sequence[str]) -> list[str]:
    return [part for field in (*fields, *REST.split("\r\n")[:2]) for part in ("-H", field)]


@pytest.mark.parametrize(("fields", "status"), SPELLINGS, ids=[" + ".join(each[0]) for each in SPELLINGS])
def test_curl_gets_the_same(shared_ingress: SharedIngress, fields: Sequence[str], status: int) -> None:
    options = ["-u", "plant:correct horse", *header_options(fields)]
    assert curl(shared_ingress.port, *options) == status
    assert curl(shared_ingress.port, *options[2:]) == (400 if " :" in fields[0] else 401)


def test_curl_shows_a_certificate(shared_ingress: SharedIngress) -> None:
    options = ["-u", "plant:correct horse", *header_options([ACCOUNT])]
    folder = shared_ingress.folder
    own = ["--cert", f"{folder}/m2u/m2u.talk2m.com.pem", "--key", f"{folder}/m2u/m2u.talk2m.com.key"]
    other = ["--cert", f"{folder}/stranger/m2u.talk2m.com.pem", "--key", f"{folder}/stranger/m2u.talk2m.com.key"]
    address = f"https://cert.example.org:{shared_ingress.port}/m2u/certified"
    assert curl(shared_ingress.port, *options, *own, path=address) == 200
    assert curl(shared_ingress.port, *options, path=address) == 403
    assert curl(shared_ingress.port, *options, *other, path=address) == 0
    assert curl(shared_ingress.port, *own, *options[2:], path=address) == 401
    without_asking = f"https://links.example.org:{shared_ingress.port}/m2u/certified"
    assert curl(shared_ingress.port, *options, *own, path=without_asking) == 403


@contextmanager
def nginx(folder: Path, ingress: int, setting: str) -> Iterator[int]:
    """nginx in front of the ingress; its port."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(program).exists():
        pytest.skip("nginx is not installed: .ci/run installs it")
    port = free_port()
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1;\n"
        f"events {{}}\nhttp {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n"
        f"fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n"
        f"server {{ listen 127.0.0.1:{port}; {setting} location / {{ proxy_pass https://127.0.0.1:{ingress};\n"
        "proxy_set_header Host links.example.org; proxy_ssl_server_name on; proxy_ssl_name links.example.org; } } }\n"
    )
    process = subprocess.Popen(
        [program, "-c", str(folder / "nginx.conf"), "-p", str(folder)], stderr=subprocess.DEVNULL
    )
    try:
        eventually(lambda: (folder / "nginx.pid").exists() and curl(port, scheme="http", path="/healthz"), "nginx")
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.mark.parametrize(
    ("setting", "statuses"),
    [
        ("", [400] * 9),  # the genuine fields are lost: no call comes through, the forged ones still less
        ("underscores_in_headers on;", [200, 200, 200, 400, 400, 400, 400, 400, 400]),
    ],
    ids=["default", "underscores"],
)
def test_a_proxy_opens_no_way_for_forged_fields(
    shared_ingress: SharedIngress, tmp_path: Path, setting: str, statuses: list[int]
) -> None:
    with nginx(tmp_path, shared_ingress.port, setting) as port:
        login = ["-u", "plant:correct horse"]
        found = [curl(port, *login, *header_options(fields), scheme="http") for fields, _ in SPELLINGS]
    assert found == statuses


def check(ingress: SharedIngress, *options: str) -> tuple[int, list[dict[str, object]]]:
    port = str(ingress.port)
    done = engage(
        ingress.folder,
        *("m2u", "check", "--json", *options),
        ENGAGE_LINKS_BIND="127.0.0.1",
        ENGAGE_LINKS_PORT=port,
    )
    return done.returncode, json.loads(done.stdout)


def test_the_check_finds_a_good_ingress_good(shared_ingress: SharedIngress) -> None:
    for link, host in (("plant", "links.example.org"), ("asked", "links.example.org"), ("plant", "cert.example.org")):
        status, found = check(shared_ingress, "--link", link, "--host", host)
        assert (status, [each for each in found if not each["right"]]) == (0, [])
        assert len(found) == 13
    assert "engage-m2u-check" not in shared_ingress.events, "nothing is recorded"


def test_the_check_shows_a_certificate(shared_ingress: SharedIngress) -> None:
    folder = shared_ingress.folder
    both = folder / "both.pem"
    both.write_text((folder / "m2u/other.pem").read_text() + (folder / "m2u/other.key").read_text())
    options = ("--link", "certified", "--host", "cert.example.org", "--client-certificate", str(both))
    assert check(shared_ingress, *options)[0] == 0
    status, found = check(shared_ingress, *options[:2], "--client-certificate", str(both))
    assert status == 1, "the first host does not ask for it, so the slot refuses"
    assert {each["status"] for each in found} == {403, 400}


def test_the_check_may_send_a_whole_message(shared_ingress: SharedIngress) -> None:
    before = shared_ingress.events.count('"m2u_message"')
    status, found = check(shared_ingress, "--link", "plant", "--send")
    assert (status, found[-1]["status"]) == (0, 200)
    assert shared_ingress.events.count('"m2u_message"') == before + 1


def test_the_check_sends_no_login_to_another_server(shared_ingress: SharedIngress, tmp_path: Path) -> None:
    text = (shared_ingress.folder / "links.toml").read_text()
    for name in ("plant.login", "links.example.org.pem", "links.example.org.key"):
        shutil.copy(shared_ingress.folder / name, tmp_path)
    shutil.copytree(shared_ingress.folder / "m2u", tmp_path / "m2u")
    shutil.copy(shared_ingress.folder / "cert.example.org.pem", tmp_path / "links.example.org.pem")
    (tmp_path / "links.toml").write_text(text)
    place = {"ENGAGE_LINKS_BIND": "127.0.0.1"}
    done = engage(tmp_path, "m2u", "check", "--link", "plant", ENGAGE_LINKS_PORT=str(shared_ingress.port), **place)  # type: ignore[arg-type]
    assert done.returncode == 3
    assert "no login was sent" in done.stderr
    done = engage(tmp_path, "m2u", "check", "--link", "plant", ENGAGE_LINKS_PORT=str(free_port()), **place)  # type: ignore[arg-type]
    assert done.returncode == 3
    assert "engage serve links" in done.stderr


def test_a_certificate_is_issued_for_ecatcher(tmp_path: Path) -> None:
    (tmp_path / "pass").write_text("open sesame\n")
    shown = ok(engage(tmp_path, "m2u", "client-certificate", "m2u", "--passphrase-file", "pass", "--days", "90"))
    assert f'client_ca_file = "{tmp_path}/m2u/m2u-ca.pem"' in shown
    whole = tmp_path / "m2u" / "m2u.talk2m.com.p12"
    assert whole.stat().st_mode & 0o777 == 0o600

    def openssl(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["openssl", *options], cwd=tmp_path, capture_output=True, text=True, check=False)

    leaf = ["pkcs12", "-in", str(whole), "-clcerts", "-nokeys", "-out", "leaf.pem", "-passin"]
    assert openssl(*leaf, "pass:open barley").returncode != 0
    assert openssl(*leaf, "file:pass").returncode == 0
    verified = openssl("verify", "-purpose", "sslclient", "-x509_strict", "-CAfile", "m2u/m2u-ca.pem", "leaf.pem")
    assert verified.stdout == "leaf.pem: OK\n", verified.stderr
    assert openssl("verify", "-purpose", "sslserver", "-CAfile", "m2u/m2u-ca.pem", "leaf.pem").returncode != 0
    again = engage(tmp_path, "m2u", "client-certificate", "m2u", "--passphrase-file", "pass")
    assert (again.returncode, "exists already" in again.stderr) == (2, True)
    authority = (tmp_path / "m2u" / "m2u-ca.pem").read_bytes()
    ok(engage(tmp_path, "m2u", "client-certificate", "m2u", "--form", "pem", "--name", "second"))
    assert (tmp_path / "m2u" / "m2u-ca.pem").read_bytes() == authority, "the same authority issues the second"
    assert openssl("verify", "-CAfile", "m2u/m2u-ca.pem", "m2u/second.pem").returncode == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "needs a passphrase"),
        (["--form", "pem", "--passphrase-file", "pass"], "--passphrase-file is for PKCS#12"),
        (["--form", "pem", "--name", "../x"], "cannot be the name of a file"),
    ],
)
def test_a_wrong_wish_makes_no_authority(tmp_path: Path, options: list[str], sentence: str) -> None:
    done = engage(tmp_path, "m2u", "client-certificate", "m2u", *options)
    assert done.returncode == 2
    assert re.search(sentence, done.stderr)
    assert not (tmp_path / "m2u").exists()
