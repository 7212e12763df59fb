"""The ingress of the links on the wire: which host TLS chooses, what it asks callers for, and what it never has."""

import re
import socket
import ssl
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from engage_server.composition.links.store import role_sql
from engage_server.pki.encodings import der
from tests.support.commands import engage_process
from tests.support.databases import migrated_postgresql
from tests.support.ingress import (
    RunningIngress,
    SharedIngress,
    host_chain,
    host_files,
    read_answer,
    running_ingress,
    unchecked_context,
)
from tests.support.m2u import GENUINE, LOGIN, basic, secret_file
from tests.support.ports import free_port
from tests.support.postgresql import PostgresServer
from tests.support.running import PATIENCE, eventually

HOST = b"Host: links.example.org\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"


def common_name(connection: ssl.SSLSocket) -> str:
    certificate = ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True) or b"")
    shown = subprocess.run(
        ["openssl", "x509", "-noout", "-subject"], input=certificate, capture_output=True, text=True, check=True
    )
    return shown.stdout.rpartition("CN = ")[2].strip()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("links.example.org", "links.example.org"),
        ("CERT.example.org", "cert.example.org"),
        ("unknown.example.org", "links.example.org"),
        (None, "links.example.org"),
    ],
)
def test_the_server_name_chooses_the_host(shared_ingress: SharedIngress, name: str | None, shown: str) -> None:
    """Without one, or with an unknown one, the first host of the port."""
    with closing(shared_ingress.connect(name)) as connection:
        assert common_name(connection) == shown


def test_a_client_that_has_to_say_hello_twice_gets_its_host(shared_ingress: SharedIngress) -> None:
    """Its first key share is of a group that the server does not know (RFC 8446 section 4.1.4)."""
    for name, asks in (("links.example.org", False), ("only.example.org", True)):
        done = subprocess.run(
            [
                *("openssl", "s_client", "-connect", f"127.0.0.1:{shared_ingress.port}", "-servername", name),
                *("-groups", "P-521:P-256", "-tls1_3", "-msg"),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert done.stdout.count("ClientHello") == 2
        assert f"CN = {name}" in done.stdout
        assert ("CertificateRequest" in done.stdout) is asks


def test_each_host_is_healthy(shared_ingress: SharedIngress) -> None:
    for name in ("links.example.org", "cert.example.org"):
        request = HEALTH.replace(b"links.example.org", name.encode())
        assert shared_ingress.ask(request, name)[1].endswith(b'{"status":"ok"}')


@pytest.mark.parametrize(
    ("request_line", "more", "status"),
    [
        ("GET / HTTP/1.1", "", 404),
        ("GET /kpn/doors HTTP/1.1", "", 404),
        ("POST /ingestion/m2m/senml/v1 HTTP/1.1", "", 404),
        ("GET /m2u/ HTTP/1.1", "", 404),
        ("GET /m2u/plant/ HTTP/1.1", "", 404),
        ("GET //m2u/plant HTTP/1.1", "", 404),
        ("GET /m2u/%70lant HTTP/1.1", "", 401),
        ("GET /m2u/a%2Fb HTTP/1.1", "", 404),
        ("DELETE /m2u/plant HTTP/1.1", "", 405),
        ("HEAD /m2u/plant HTTP/1.1", "", 405),
        ("POST /healthz HTTP/1.1", "", 405),
        ("POST /m2u/plant HTTP/1.1", "Content-Length: 262145\r\n", 413),
        ("POST /m2u/plant HTTP/1.1", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400),
        ("GET /m2u/plant HTTP/1.1", "X_Talk2M_Account : acme\r\n", 400),
        ("GET /readyz HTTP/1.1", "", 404),
        ("GET /swordfish/lock/certificates/current HTTP/1.1", "", 404),
    ],
)
def test_what_is_not_there_is_a_short_answer(
    shared_ingress: SharedIngress, request_line: str, more: str, status: int
) -> None:
    found, answer = shared_ingress.ask(f"{request_line}\r\n{more}".encode() + HOST + b"\r\n")
    assert found == status
    assert b"Traceback" not in answer
    assert len(answer) < 400
    if status == 405:
        assert b"\r\nAllow: " in answer


def test_a_body_up_to_the_limit_is_read(shared_ingress: SharedIngress) -> None:
    """The negative control of 413: this one reaches the login."""
    body = b"x" * 262_144
    request = b"POST /m2u/plant HTTP/1.1\r\nContent-Length: 262144\r\n" + HOST + b"\r\n" + body
    assert shared_ingress.ask(request)[0] == 401


@pytest.mark.parametrize(
    ("name", "host", "status"),
    [
        ("links.example.org", "cert.example.org", 421),
        ("links.example.org", "Cert.Example.org.:443", 421),
        ("links.example.org", "only.example.org", 421),
        (None, "cert.example.org", 421),
        ("links.example.org", "LINKS.example.org:8443", 200),
        ("links.example.org", "10.0.0.1", 200),
        ("cert.example.org", "cert.example.org", 200),
    ],
)
def test_a_host_field_cannot_choose_another_host(
    shared_ingress: SharedIngress, name: str | None, host: str, status: int
) -> None:
    assert shared_ingress.ask(f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(), name)[0] == status
    absolute = f"GET https://{host}/healthz HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    assert shared_ingress.ask(absolute, name)[0] == status


def test_old_versions_of_tls_are_refused(shared_ingress: SharedIngress) -> None:
    for version, works in (("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)):
        shown = subprocess.run(
            [
                *("openssl", "s_client", "-connect", f"127.0.0.1:{shared_ingress.port}", version),
                *("-servername", "links.example.org", "-cipher", "ALL:@SECLEVEL=0"),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ("Server certificate" in shown.stdout) is works, version


def presents(ingress: SharedIngress, name: str, certificate: str | None) -> str:
    """The statuses of openssl's client: whether it was asked for a certificate, and what /healthz answered."""
    files = ["-cert", f"{certificate}.pem", "-key", f"{certificate}.key"] if certificate else []
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{ingress.port}", "-servername", name, "-quiet", *files],
        input=f"GET /healthz HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n",
        cwd=ingress.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    return done.stdout.partition("\n")[0].rstrip()


@pytest.mark.parametrize(
    ("name", "certificate", "answer"),
    [
        ("links.example.org", None, "HTTP/1.1 200 OK"),
        ("links.example.org", "stranger/m2u.talk2m.com", "HTTP/1.1 200 OK"),  # it is not even asked for
        ("cert.example.org", None, "HTTP/1.1 200 OK"),
        ("cert.example.org", "m2u/m2u.talk2m.com", "HTTP/1.1 200 OK"),
        ("cert.example.org", "stranger/m2u.talk2m.com", ""),
        ("only.example.org", None, ""),
        ("only.example.org", "m2u/m2u.talk2m.com", "HTTP/1.1 200 OK"),
        ("only.example.org", "stranger/m2u.talk2m.com", ""),
        ("only.example.org", "only.example.org", ""),  # a server's certificate, of another authority
    ],
)
def test_each_host_decides_whether_callers_show_a_certificate(
    shared_ingress: SharedIngress, name: str, certificate: str | None, answer: str
) -> None:
    assert presents(shared_ingress, name, certificate) == answer


def test_a_refused_certificate_is_a_line_in_the_log(shared_ingress: SharedIngress) -> None:
    presents(shared_ingress, "only.example.org", None)
    eventually(lambda: "refused by TLS on strict: it gave no certificate" in shared_ingress.log, "told")
    presents(shared_ingress, "cert.example.org", "stranger/m2u.talk2m.com")
    eventually(lambda: "refused by TLS on cert.example.org: its certificate" in shared_ingress.log, "told")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_resumed_session_gets_no_further_than_a_new_one(
    shared_ingress: SharedIngress, version: ssl.TLSVersion
) -> None:
    """A session of a host that asks for no certificate is worth nothing at one that demands one."""
    context = unchecked_context()
    context.maximum_version = context.minimum_version = version
    with closing(shared_ingress.connect("links.example.org", context=context)) as first:
        first.sendall(HEALTH)
        read_answer(first)
        session = first.session
    with pytest.raises((ssl.SSLError, ConnectionError)):  # late in TLS 1.3
        answer_with_session(shared_ingress.port, context, session)


def answer_with_session(port: int, context: ssl.SSLContext, session: ssl.SSLSession | None) -> bytes:
    plain = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    with (
        closing(plain),
        closing(context.wrap_socket(plain, server_hostname="only.example.org", session=session)) as connection,
    ):
        connection.sendall(HEALTH)
        return connection.recv(100)


def ask_plain(port: int, request: bytes) -> int:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)) as connection:
        connection.sendall(request)
        return int(read_answer(connection).split(b" ", 2)[1])


def test_a_plain_listener_is_for_its_networks(shared_ingress: SharedIngress) -> None:
    strange = b"GET /healthz HTTP/1.1\r\nHost: m.m\r\n\r\n"
    assert ask_plain(shared_ingress.plain, strange) == 200
    assert ask_plain(shared_ingress.far, strange) == 404
    assert ask_plain(shared_ingress.plain, b"GET /m2u/plant HTTP/1.1\r\nHost: m.m\r\n\r\n") == 404


def test_no_query_and_no_login_is_ever_logged(shared_ingress: SharedIngress) -> None:
    path = "/m2u/asked?user=plant&password=correct+horse&serial=AAAAAAAAAACgsQAAAAACBg==&serialNumber=X9"
    fields = "X_Talk2M_Account: acme\r\nX_Talk2M_Device: quiet\r\nX_Talk2M_SerialNumber: 7\r\n"
    request = f"GET {path} HTTP/1.1\r\n{fields}".encode() + HOST + b"\r\n"
    assert shared_ingress.ask(request)[0] == 200
    assert shared_ingress.ask(request.replace(b"correct", b"incorrect"))[0] == 403
    eventually(lambda: shared_ingress.log.count('"path":"/m2u/asked"') >= 2, "logged")
    for secret in ("horse", "password", "serialNumber", "AAAAAAAAAACg", "X9"):
        assert secret not in shared_ingress.log
        assert secret not in shared_ingress.events
    assert '"device":"quiet"' in shared_ingress.events


def test_no_database_is_open_and_no_key_is_there(shared_ingress: SharedIngress) -> None:
    """Neither key of the pair nor its database's password, also in the supervisor; and no module of the database."""
    for process in (shared_ingress.process.pid, *shared_ingress.descendants()):
        environment = Path(f"/proc/{process}/environ").read_bytes()
        assert b"KEY_ENCRYPTION" not in environment
        assert b"ENGAGE_RELEASE_KEY" not in environment
        assert b"of-all-tables" not in environment
        assert b"ENGAGE_LINKS_PORT" in environment, "the negative control"
    assert len(shared_ingress.descendants()) == 6, "three ends, each an instance and a worker"
    for process in shared_ingress.descendants():
        opened = {str(link.readlink()) for link in Path(f"/proc/{process}/fd").iterdir() if link.is_symlink()}
        assert not any("engage.db" in name for name in opened)
        mapped = Path(f"/proc/{process}/maps").read_text()
        assert "_sqlite3" not in mapped
        assert "/sqlalchemy/" not in mapped
        assert "_ssl" in mapped, "the negative control: modules in C show here"


@pytest.mark.campaign("test_no_database_is_open_and_no_key_is_there, which looks at the modules in C that are there")
def test_the_program_of_an_instance_imports_no_database() -> None:
    program = (
        "import sys, engage_server.links.commands.ingress_process\n"
        "import engage_server.links.ingress.assembly\n"
        "print(*sorted(sys.modules))"
    )
    modules = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=PATIENCE
    ).stdout.split()
    assert "engage_server.links.m2u.slots" in modules
    assert not [each for each in modules if each.split(".")[0] in ("sqlalchemy", "sqlite3", "alembic", "psycopg")]
    assert not [
        each for each in modules if each.startswith(("engage_server.store.database", "engage_server.store.sql"))
    ]


def test_the_metrics_are_not_those_of_devices(shared_ingress: SharedIngress) -> None:
    """Alerts of the monitoring count handshakes of devices."""
    assert shared_ingress.ask(HEALTH)[0] == 200
    folder = shared_ingress.folder / "data" / "metrics"
    found = eventually_text(folder, "health.healthz")
    assert '"engage_links_handshakes"' in found
    assert '"engage_handshakes"' not in found
    assert re.search(r'"engage_requests", \["links", "health.healthz", "200"\]', found)


def eventually_text(folder: Path, word: str) -> str:
    def text() -> str:
        return "".join(path.read_text() for path in folder.glob("*/*.json"))

    eventually(lambda: word in text(), word)
    return text()


def test_sighup_takes_new_certificates_and_links(tmp_path: Path) -> None:
    files = host_files(tmp_path, "links.example.org")
    secret_file(tmp_path / "plant.login", "a:b")
    link = '[links.x]\nsite = "x"\npartner = "m2u"\nslot = "{}"\nlogin_file = "plant.login"\nidentity = "optional"\n'
    host = f'[hosts."links.example.org"]\n{files}serves = ["m2u"]\n'
    with running_ingress(tmp_path, host + link.format("one"), ENGAGE_KEY_ENCRYPTION_KEY="x" * 44) as ingress:
        _assert_without_key(ingress)
        assert (slot_status(ingress, "one"), slot_status(ingress, "two")) == (401, 404)
        (tmp_path / "links.toml").write_text("[hosts]\n")
        ingress.hang_up()
        eventually(lambda: "links not reloaded, the old ones stay in force" in ingress.log, "told")
        assert slot_status(ingress, "one") == 401
        host_files(tmp_path, "links.example.org", "renewed")
        (tmp_path / "links.toml").write_text(host + link.format("two"))
        before = served(ingress)
        ingress.hang_up()
        eventually(lambda: served(ingress) != before, "the new certificate")
        assert served(ingress) == der(host_chain("links.example.org", "renewed").chain.server)
        eventually(lambda: slot_status(ingress, "two") == 401, "the new link")
        assert slot_status(ingress, "one") == 404
        more = (
            f'[plain.late]\nbind = "127.0.0.1"\nport = {free_port()}\nserves = ["kpn-ingestion"]\nnetworks = ["::/0"]\n'
        )
        (tmp_path / "links.toml").write_text(host + more)
        ingress.hang_up()
        eventually(lambda: "restart 'engage serve links'" in ingress.log, "told")
        assert ingress.stop() == 0


def _assert_without_key(ingress: RunningIngress) -> None:
    for process in (ingress.process.pid, *ingress.descendants()):
        assert b"KEY_ENCRYPTION" not in Path(f"/proc/{process}/environ").read_bytes()


def slot_status(ingress: RunningIngress, slot: str) -> int:
    return ingress.ask(f"GET /m2u/{slot} HTTP/1.1\r\n".encode() + HOST + b"\r\n")[0]


def served(ingress: RunningIngress) -> bytes:
    with closing(ingress.connect("links.example.org")) as connection:
        return connection.getpeercert(binary_form=True) or b""


def test_a_port_that_is_taken_stops_the_start(tmp_path: Path) -> None:
    """Other faults: tests/unit/links/ingress/test_reading.py."""
    files = host_files(tmp_path, "links.example.org")
    (tmp_path / "links.toml").write_text(f'[hosts."links.example.org"]\n{files}serves = ["m2u"]\n')
    (tmp_path / "data").mkdir()
    port = free_port()
    with closing(socket.create_server(("127.0.0.1", port))):
        done = engage_process(tmp_path, "serve", "links", ENGAGE_LINKS_BIND="127.0.0.1", ENGAGE_LINKS_PORT=str(port))
    assert done.returncode == 3
    assert f"port {port} is in use" in done.stderr
    assert f"port = {port + 1}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.long("tests/unit/links/ingress/test_journals.py, and tests/unit/store/test_ingress_role.py")
def test_with_postgresql_events_go_in_by_the_role_of_the_ingress(tmp_path: Path, postgresql: PostgresServer) -> None:
    """Also the list of links. Without the database, Talk2M is asked to try again, and the ingress goes on."""
    url = migrated_postgresql(postgresql)
    name, role = postgresql.name_of(url), f"ingress_{tmp_path.name.rpartition('_')[2]}"
    postgresql.ask("\n".join(role_sql(role)), name)
    files = host_files(tmp_path, "links.example.org")
    secret_file(tmp_path / "plant.login", LOGIN)
    links = f'[hosts."links.example.org"]\n{files}serves = ["m2u"]\n' + (
        '[links.plant]\nsite = "plant"\npartner = "m2u"\nslot = "plant"\nlogin_file = "plant.login"\n'
        "accounts = { acme = [] }\n"
    )
    fields = "".join(f"{name}: {value}\r\n" for name, value in (basic(), *GENUINE))
    request = f"POST /m2u/plant HTTP/1.1\r\n{fields}Content-Length: 0\r\n".encode() + HOST + b"\r\n"
    as_role = url.replace("postgresql://engage@", f"postgresql://{role}@")
    with running_ingress(tmp_path, links, ENGAGE_LINKS_DATABASE_URL=as_role) as ingress:
        assert ingress.ask(request)[0] == 200
        kinds = postgresql.ask("SELECT kind FROM path_events ORDER BY id", name).split()
        assert kinds == ["link_registered", "m2u_message"]
        postgresql.ask(f"REVOKE INSERT (site, link, at, kind, says, detail, key) ON path_events FROM {role};", name)
        assert ingress.ask(request)[0] == 503
        postgresql.ask(f"GRANT INSERT (site, link, at, kind, says, detail, key) ON path_events TO {role};", name)
        assert ingress.ask(request)[0] == 200
        assert ingress.events == "", "no spool"
