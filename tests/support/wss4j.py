"""Apache WSS4J, which signs and verifies as Telekom's side would: one Java process, asked again and again."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12

from engage_server.links.telekom.messages.signing import Signer

_SOURCE = Path(__file__).with_name("wss4j_judge") / "Judge.java"
_JARS = tuple(
    f"/usr/share/java/{name}.jar" for name in ("wss4j", "xmlsec", "commons-logging", "slf4j-api", "slf4j-nop")
)
_PASSWORD = "changeit"


class Wss4j:
    """A running judge.

    Args:
        process: It.
        folder: Where messages are put for it.
    """

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self._process = process
        self._folder = folder

    def sign(self, content: bytes, seconds: int = 300) -> bytes:
        """A message with a Timestamp of now, signed by the judge's key."""
        (self._folder / "in.xml").write_bytes(content)
        answer = self._ask("sign", self._folder / "in.xml", self._folder / "out.xml", seconds)
        assert answer == ["ok"], answer
        return (self._folder / "out.xml").read_bytes()

    def verify(self, content: bytes) -> list[str]:
        """What the signature covers, as paths. Empty: it was refused."""
        (self._folder / "in.xml").write_bytes(content)
        verdict, *covered = self._ask("verify", self._folder / "in.xml")
        return covered[0].split() if verdict == "ok" else []

    def _ask(self, *command: object) -> list[str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\t".join(map(str, command)) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().rstrip("\n").split("\t")


@contextmanager
def wss4j(own: Signer, trusted: Signer, folder: Path) -> Iterator[Wss4j]:
    """A judge that signs with one key and trusts one certificate. Skips where Java or WSS4J is not installed."""
    if shutil.which("javac") is None or not all(Path(jar).exists() for jar in _JARS):
        pytest.skip("Apache WSS4J is not here: apt-get install libwss4j-java default-jdk-headless")
    subprocess.run(["javac", "-cp", ":".join(_JARS), "-d", str(folder), str(_SOURCE)], check=True, capture_output=True)
    store = pkcs12.serialize_key_and_certificates(
        b"own", own.key, own.certificate, None, BestAvailableEncryption(_PASSWORD.encode())
    )
    (folder / "own.p12").write_bytes(store)
    (folder / "trusted.pem").write_bytes(trusted.certificate.public_bytes(Encoding.PEM))
    command = ["java", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Xmx256m", "-cp", ":".join((*_JARS, str(folder)))]
    started = [*command, "Judge", str(folder / "own.p12"), _PASSWORD, "own", str(folder / "trusted.pem")]
    with subprocess.Popen(started, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Wss4j(process, folder)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=30)
