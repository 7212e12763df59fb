"""Finds faults in the files of a chain, independent of the chain itself."""

from collections.abc import Iterator

from cryptography import x509

from engage_server.checks import Finding, Severity
from engage_server.checks.finding import about
from engage_server.pki.keys import keys_match
from engage_server.pki.paths.bundle import Oddity
from engage_server.services.chains.folder import INTERMEDIATE, ROOT
from engage_server.services.chains.held_files import HeldFile, shown
from engage_server.services.chains.targets import CheckTarget

_OF_AUTHORITIES = (ROOT, INTERMEDIATE)  # their keys may be encrypted, because no server uses them


def content_findings(
    target: CheckTarget, path: tuple[x509.Certificate, ...], *, with_passphrase: bool
) -> Iterator[Finding]:
    """The findings about the files themselves.

    Args:
        target: The target.
        path: Its path, from the server certificate upwards, as it was judged.
        with_passphrase: Whether the operator gave a passphrase.
    """
    for file in target.held:
        for oddity in file.bundle.oddities:
            yield _written_oddly(oddity, shown(file.path))
        yield from _broken_key(file)
    yield from _wrong_order(target, path)
    yield from _locked_key(target, path[0], with_passphrase)


def _written_oddly(oddity: Oddity, name: str) -> Finding:
    if oddity is Oddity.UTF16:
        sentence = f"{name} is UTF-16 text: OpenSSL, nginx and most other programs cannot load it"
        mend = "Save it as UTF-8 without a byte order mark. In PowerShell: Set-Content -Encoding ascii."
        source = "RFC 7468 section 2: PEM is ASCII; PowerShell writes UTF-16 with > and Out-File"
    else:
        sentence = f"{name} has BEGIN or END lines that OpenSSL, nginx and Python's ssl do not recognise"
        mend = "Put each BEGIN and END on its own line, and remove empty lines from the blocks."
        source = "RFC 7468 section 3; OpenSSL, PEM_read_bio(3)"
    return Finding(Severity.WARNING, oddity.value, sentence=sentence, certificate="", source=source, mend=mend)


def _broken_key(file: HeldFile) -> Iterator[Finding]:
    if file.bundle.broken_keys:
        yield Finding(
            Severity.ERROR,
            "private_key.invalid",
            sentence=f"the private key in {shown(file.path)} cannot be read",
            certificate="",
            source="RFC 5958; RFC 8017 appendix A.1.2",
            mend="Copy the key again from where it was made, as PEM or DER, PKCS#8 or PKCS#1.",
        )


def _wrong_order(target: CheckTarget, path: tuple[x509.Certificate, ...]) -> Iterator[Finding]:
    """The finding for files that a server may send. If it is known what is sent, the rules judge that."""
    for file in target.held if target.sent is None else ():
        stands = tuple(each for each in dict.fromkeys(file.bundle.certificates) if each in path)
        is_right = stands == tuple(each for each in path if each in stands)
        if is_right or path[0] not in stands or not file.bundle.in_order:
            continue
        yield Finding(
            Severity.ERROR,
            "sent.order",
            sentence=f"the certificates in {shown(file.path)} are in the wrong order, and a server sends them so",
            certificate=about(path[0]),
            source="RFC 5246 section 7.4.2: each following certificate must certify the one before",
            mend="Put the server certificate first in the file, then its issuer, and so on.",
        )


def _locked_key(target: CheckTarget, server: x509.Certificate, with_passphrase: bool) -> Iterator[Finding]:
    """The finding for a key that may be the server's and cannot be decrypted."""
    if target.server_key is not None and keys_match(target.server_key, server.public_key()):
        return
    for file in target.held:
        if not file.bundle.locked_keys or file.path.stem in _OF_AUTHORITIES:
            continue
        name = shown(file.path)
        if with_passphrase:
            yield Finding(
                Severity.ERROR,
                "passphrase.wrong",
                sentence=f"the passphrase does not decrypt the private key in {name}: not known whether it belongs",
                certificate="",
                source="RFC 8018 section 6.2",
                mend="Give the passphrase that the key was encrypted with, on one line of the file.",
            )
        else:
            yield Finding(
                Severity.NOTE,
                "key.locked",
                sentence=f"the private key in {name} is encrypted: not known whether it belongs",
                certificate="",
                source="RFC 5958 section 3",
                mend="Give --passphrase-file FILE to have it compared.",
            )
