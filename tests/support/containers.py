"""One chain and its key in the containers that other people's programs write, and files that hold something else."""

import base64
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, pkcs7, pkcs12
from cryptography.x509.oid import NameOID

from engage_server.pki import encodings, keys
from engage_server.records import Secret
from tests.support.chains import NOW, good_chain

BUILT = good_chain()
LEAF, INTERMEDIATE, ROOT = BUILT.chain.server, BUILT.chain.intermediates[0], BUILT.chain.root
CHAIN = [LEAF, INTERMEDIATE, ROOT]
PASSPHRASE = b"open sesame"
PEM = encodings.pem(CHAIN)
KEY = keys.private_key_pem(BUILT.server_key).reveal()
LOCKED_KEY = keys.private_key_pem(BUILT.server_key, Secret(PASSPHRASE)).reveal()

USUAL_ROUNDS = 74_565  # three bytes in DER, so that another number of three bytes can take its place

_END_AND_BEGIN = b"-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----"


def openssl(*arguments: str, given: bytes = b"") -> bytes:
    """What OpenSSL's own program writes."""
    command = ["openssl", *arguments]
    return subprocess.run(command, input=given, capture_output=True, check=True, timeout=60).stdout


def labelled(label: str, content: bytes) -> bytes:
    """Bytes as a PEM block under any label."""
    body = base64.encodebytes(content)
    return b"-----BEGIN %s-----\n%s-----END %s-----\n" % (label.encode(), body, label.encode())


def trusted(certificate: x509.Certificate) -> bytes:
    """OpenSSL's own form, with trust data behind the certificate."""
    pem = encodings.pem([certificate])
    return openssl("x509", "-trustout", "-addtrust", "serverAuth", "-setalias", "ours", given=pem)


def pfx(passphrase: bytes | None = None) -> bytes:
    """PKCS#12 as OpenSSL 3 and Java write it."""
    locked = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"x", BUILT.server_key, LEAF, [INTERMEDIATE, ROOT], locked)


def legacy_pfx(folder: Path) -> bytes:
    """PKCS#12 as Windows wrote it for decades: RC2 and Triple DES."""
    (folder / "pfx-key.pem").write_bytes(KEY)
    (folder / "pfx-chain.pem").write_bytes(PEM)
    try:
        files = ("-inkey", str(folder / "pfx-key.pem"), "-in", str(folder / "pfx-chain.pem"))
        return openssl("pkcs12", "-export", "-legacy", *files, "-passout", f"pass:{PASSPHRASE.decode()}")
    finally:
        (folder / "pfx-key.pem").unlink()
        (folder / "pfx-chain.pem").unlink()


def _with_rounds(written: bytes, rounds: int) -> bytes:
    usual, other = (b"\x02\x03" + count.to_bytes(3, "big") for count in (USUAL_ROUNDS, rounds))
    assert written.count(usual) == 1
    return written.replace(usual, other)


def dear(rounds: int, folder: Path) -> bytes:
    """PKCS#12 that says how many rounds opening it takes, where OpenSSL had written another number."""
    (folder / "key.pem").write_bytes(KEY)
    (folder / "chain.pem").write_bytes(PEM)
    files = ("-inkey", str(folder / "key.pem"), "-in", str(folder / "chain.pem"))
    rest = ("-iter", str(USUAL_ROUNDS), "-noiter", "-passout", f"pass:{PASSPHRASE.decode()}")
    return _with_rounds(openssl("pkcs12", "-export", *files, *rest), rounds)


def dear_key(rounds: int) -> bytes:
    """The same of a key in PKCS#8."""
    rest = ("-outform", "DER", "-iter", str(USUAL_ROUNDS), "-passout", f"pass:{PASSPHRASE.decode()}")
    return labelled("ENCRYPTED PRIVATE KEY", _with_rounds(openssl("pkcs8", "-topk8", *rest, given=KEY), rounds))


def request() -> x509.CertificateSigningRequest:
    """What a CA is given."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "locks.example.org")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    return builder.sign(BUILT.server_key, hashes.SHA256())


def revocation_list() -> x509.CertificateRevocationList:
    """An empty one."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(ROOT.subject)
    builder = builder.last_update(NOW).next_update(NOW + timedelta(days=7))
    return builder.sign(BUILT.root_key, hashes.SHA256())


_P7 = pkcs7.serialize_certificates(CHAIN, Encoding.DER)

# name of a file -> its content: each holds the whole chain
WHOLE: dict[str, Callable[[], bytes]] = {
    "plain.pem": lambda: PEM,
    "crlf.pem": lambda: PEM.replace(b"\n", b"\r\n"),
    "byte-order-mark.pem": lambda: b"\xef\xbb\xbf" + PEM,
    "dump.crt": lambda: openssl("x509", "-text", given=PEM) + encodings.pem(CHAIN[1:]),
    "bag-attributes.pem": lambda: PEM.replace(b"-----BEGIN", b"Bag Attributes\n    friendlyName: x: y\n-----BEGIN"),
    "with-key.pem": lambda: KEY + PEM,
    "key-last.pem": lambda: PEM + KEY,
    "x509-label.pem": lambda: PEM.replace(b" CERTIFICATE--", b" X509 CERTIFICATE--"),
    "trusted.pem": lambda: b"".join(map(trusted, CHAIN)),
    "openssl.p7b": lambda: openssl("crl2pkcs7", "-nocrl", "-certfile", "/dev/stdin", given=PEM),
    "openssl-der.p7c": lambda: openssl("crl2pkcs7", "-nocrl", "-certfile", "/dev/stdin", "-outform", "DER", given=PEM),
    "der.spc": lambda: _P7,
    "cms.p7b": lambda: labelled("CMS", _P7),
    "signed-data.p7b": lambda: labelled("PKCS #7 SIGNED DATA", _P7),
    "certutil-encode.p7b": lambda: labelled("CERTIFICATE", _P7),
    "certutil-encode-pfx.txt": lambda: labelled("CERTIFICATE", pfx()),
    "bare-base64.cer": lambda: base64.encodebytes(_P7),
    "base64-of-pem.txt": lambda: base64.b64encode(PEM),
    "base64-of-pem-in-lines.txt": lambda: base64.encodebytes(b"subject=locks\n" + PEM),
    "der-one-after-the-other.der": lambda: b"".join(map(encodings.der, CHAIN)),
    "open.p12": lambda: pfx(),
}

# the same; others cannot load it, which is said
ODD: dict[str, tuple[Callable[[], bytes], str]] = {
    "utf-16.pem": (lambda: PEM.decode().encode("utf-16"), "content.utf16"),
    "utf-16-be-no-mark.pem": (lambda: PEM.decode().encode("utf-16-be"), "content.utf16"),
    "joined.pem": (lambda: PEM.replace(_END_AND_BEGIN, _END_AND_BEGIN.replace(b"\n", b"")), "content.pem_lines"),
    "indented.pem": (lambda: b"  " + PEM.replace(b"\n", b"\n  "), "content.pem_lines"),
    "old-mac.pem": (lambda: PEM.replace(b"\n", b"\r"), "content.pem_lines"),
    "one-line.pem": (lambda: PEM.replace(b"\n", b" "), "content.pem_lines"),
    "empty-lines.pem": (lambda: PEM.replace(b"\n", b"\n\n"), "content.pem_lines"),
}

# name -> content, code, a word of the sentence, a word of the next step
UNREADABLE: dict[str, tuple[Callable[[], bytes], str, str, str]] = {
    "empty.pem": (lambda: b"", "content.empty", "empty", "again"),
    "blank.pem": (lambda: b" \r\n\n", "content.empty", "empty", "again"),
    "zeros.pem": (lambda: bytes(4096), "content.empty", "zeros", "again"),
    "cut-off.pem": (lambda: PEM[:-20], "content.cut_off", "block 3 (CERTIFICATE) has no END", "whole"),
    "cut-in-the-middle.pem": (lambda: PEM[: len(PEM) // 2], "content.cut_off", "has no END", "whole"),
    "lost-beginning.pem": (lambda: PEM[40:], "content.cut_off", "has no BEGIN", "whole"),
    "one-mark-lost.pem": (
        lambda: PEM.replace(b"-----END CERTIFICATE-----\n", b"", 1),
        "content.cut_off",
        "block 1",
        "whole",
    ),
    "cut-off.der": (lambda: encodings.der(LEAF)[:-100], "content.cut_off", "has 784", "whole"),
    "cut-off.p12": (lambda: pfx()[:-100], "content.cut_off", "cut off", "whole"),
    "utf-16.txt": (lambda: "nothing here".encode("utf-16"), "content.no_certificate", "UTF-16", "PowerShell"),
    "utf-32.pem": (lambda: PEM.decode().encode("utf-32"), "content.no_certificate", "UTF-32", "UTF-8"),
    "utf-32-no-mark.pem": (lambda: PEM.decode().encode("utf-32-be"), "content.no_certificate", "UTF-32", "UTF-8"),
    "base64-of-request.txt": (
        lambda: base64.b64encode(request().public_bytes(Encoding.PEM)),
        "content.request",
        "request (CSR)",
        "CA issued",
    ),
    "base64-of-cut-off.txt": (lambda: base64.b64encode(PEM[:-20]), "content.cut_off", "has no END", "whole"),
    "base64-of-key.txt": (lambda: base64.b64encode(KEY), "content.key_alone", "private key", "chain"),
    "base64-of-text.txt": (
        lambda: base64.b64encode(b"to be done\n"),
        "content.no_certificate",
        "no certificate",
        "PKCS#12",
    ),
    "utf-16.der": (
        lambda: b"\xff\xfe" + encodings.der(LEAF).decode("latin-1").encode("utf-16-le"),
        "content.no_certificate",
        "UTF-16",
        "Copy the file itself",
    ),
    "store.jks": (
        lambda: b"\xfe\xed\xfe\xed\0\0\0\2",
        "content.keystore",
        "Java keystore (JKS)",
        "keytool -importkeystore",
    ),
    "store.jceks": (lambda: b"\xce\xce\xce\xce\0\0\0\2", "content.keystore", "JCEKS", "keytool -importkeystore"),
    "store.sst": (lambda: b"\0\0\0\0CERT" + bytes(20), "content.keystore", "Windows", "PFX"),
    "request.pem": (lambda: request().public_bytes(Encoding.PEM), "content.request", "request (CSR)", "CA issued"),
    "new-request.pem": (
        lambda: request().public_bytes(Encoding.PEM).replace(b"CERTIFICATE REQ", b"NEW CERTIFICATE REQ"),
        "content.request",
        "request (CSR)",
        "CA issued",
    ),
    "request.der": (lambda: request().public_bytes(Encoding.DER), "content.request", "request (CSR)", "CA issued"),
    "key.pem": (lambda: KEY, "content.key_alone", "private key", "chain"),
    "locked-key.pem": (lambda: LOCKED_KEY, "content.key_alone", "private key", "chain"),
    "key.der": (lambda: openssl("rsa", "-outform", "DER", given=KEY), "content.key_alone", "private key", "chain"),
    "crl.pem": (lambda: revocation_list().public_bytes(Encoding.PEM), "content.revocation_list", "(CRL)", "chain"),
    "crl.der": (lambda: revocation_list().public_bytes(Encoding.DER), "content.revocation_list", "(CRL)", "chain"),
    "page.pem": (lambda: b"\n<!DOCTYPE html><title>Sign in</title>", "content.web_page", "web page", "browser"),
    "archive.pem": (lambda: b"PK\x03\x04" + bytes(30), "content.no_certificate", "ZIP", "Unpack"),
    "public-key.pem": (
        lambda: openssl("rsa", "-pubout", given=KEY),
        "content.no_certificate",
        "PUBLIC KEY",
        "PKCS#12",
    ),
    "text.pem": (lambda: b"to be done\n", "content.no_certificate", "no certificate", "PKCS#12"),
    "empty.p7b": (
        lambda: openssl("crl2pkcs7", "-nocrl", "-outform", "DER"),
        "content.no_certificate",
        "PKCS#7",
        "PKCS#12",
    ),
    "locked.p12": (lambda: pfx(PASSPHRASE), "passphrase.missing", "none was given", "--passphrase-file"),
    "not-base64.pem": (lambda: PEM.replace(b"MII", b"M!I", 1), "certificate.invalid", "not Base64", "again"),
    "damaged.pem": (
        lambda: labelled("CERTIFICATE", b"\x30\x03\x02\x01\x05"),
        "certificate.invalid",
        "certificate 1 cannot be read",
        "again",
    ),
}
