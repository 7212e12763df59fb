"""Debian's own mail server (Exim) as a receiver: STARTTLS and TLS, with a password, into a folder."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.support.alert_peers.certificates import certified
from tests.support.ports import free_ports

USER, PASSWORD = "doors@example.org", "canary-of-a-mail-password"
_SERVER = "/usr/sbin/exim4"
_ACCOUNT = "Debian-exim"
_CONFIGURATION = """
primary_hostname = localhost
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/spool/exim.pid
tls_certificate = {folder}/server.pem
tls_privatekey = {folder}/server.key
tls_advertise_hosts = *
tls_on_connect_ports = {tls_port}
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
keep_environment =
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
begin acl
rcpt:
  deny !authenticated = *
       message = 5.7.1 relaying needs a password
  deny local_parts = gone
       message = 5.1.1 there is no such person
  defer local_parts = later
       message = 4.2.0 come back later
  accept
begin routers
all:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  directory = {folder}/mail
  maildir_format
  user = {account}
begin authenticators
{public}:
  driver = plaintext
  public_name = {public}
  server_prompts = {prompts}
  server_condition = ${{if and{{{{eq{{${user}}}{{{name}}}}}{{eq{{${word}}}{{{password}}}}}}}}}
"""
_WAYS = {"PLAIN": (":", "auth2", "auth3"), "LOGIN": ("Username:: : Password::", "auth1", "auth2")}


@dataclass(frozen=True)
class DebianMail:
    """The server.

    Attributes:
        starttls_port: Where TLS begins by STARTTLS.
        tls_port: Where it begins at once.
        folder: Where it keeps everything.
    """

    starttls_port: int
    tls_port: int
    folder: Path

    def mails(self, count: int) -> list[EmailMessage]:
        """The mails that arrived, once there are so many."""
        until = time.monotonic() + 20
        while len(found := sorted(self.folder.glob("mail/new/*"))) < count and time.monotonic() < until:
            time.sleep(0.05)
        return [message_from_bytes(each.read_bytes(), policy=policy.default) for each in found]


@contextmanager
def debian_mail(way: str = "PLAIN") -> Iterator[DebianMail]:
    """Run it. The test is skipped where it cannot be run.

    Args:
        way: By which mechanism it lets users sign in.
    """
    if not Path(_SERVER).exists() or os.geteuid() != 0:
        pytest.skip("no mail server of Debian judges our mail: as root, apt-get install exim4-daemon-light")
    ports = free_ports(2)
    folder = Path(tempfile.mkdtemp(prefix="engage-exim-"))  # not pytest's folder: the server's account must get in
    try:
        _prepare(folder, ports, way)
        configuration = str(folder / "exim.conf")
        listening = ":".join(f"127.0.0.1.{each}" for each in ports)
        process = subprocess.Popen([_SERVER, "-C", configuration, "-bdf", "-oX", listening])
        try:
            _wait_for(ports)
            yield DebianMail(ports[0], ports[1], folder)
        finally:
            process.terminate()
            process.wait(10)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _prepare(folder: Path, ports: tuple[int, ...], way: str) -> None:
    certified().write(folder)
    for name in ("spool", "log", "mail"):
        (folder / name).mkdir()
    prompts, user, word = _WAYS[way]
    text = _CONFIGURATION.format(
        folder=folder,
        tls_port=ports[1],
        account=_ACCOUNT,
        public=way,
        prompts=prompts,
        user=user,
        word=word,
        name=USER,
        password=PASSWORD,
    )
    for each in (folder, *folder.iterdir()):
        shutil.chown(each, _ACCOUNT)
    (folder / "exim.conf").write_text(text)
    (folder / "exim.conf").chmod(0o644)


def _wait_for(ports: tuple[int, ...]) -> None:
    until = time.monotonic() + 20
    for port in ports:
        while not _listens(port):
            assert time.monotonic() < until, "the mail server does not start"
            time.sleep(0.02)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
