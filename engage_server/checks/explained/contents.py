"""Explained: files: what keeps one from being read, and what keeps other programs from reading it."""

from functools import partial

from engage_server.checks.explained.explanation import Explanation
from engage_server.checks.finding import Severity

_PEM = "RFC 7468 section 2"
_unreadable = partial(Explanation, severity=Severity.ERROR, is_unreadable=True)

CONTENTS = (
    _unreadable(
        "file.not_usable",
        rule="The file or folder is there, and can be read.",
        why="Nothing can be said of a chain that cannot be read. The exit status is 3.",
        source="the operating system",
        fix="Name a file, a folder, or https://HOST, that this user may read.",
    ),
    _unreadable(
        "not_possible",
        rule="A live host answers, and speaks TLS.",
        why="Nothing can be said of a host that does not answer. The exit status is 3.",
        source="the network",
        fix="Look whether the host is up, and whether this machine reaches it.",
    ),
    _unreadable(
        "certificate.invalid",
        rule="What stands in the place of a certificate is one.",
        why="Its bytes are damaged, or hold more than a chain. No client could read it either.",
        source=_PEM,
        fix="Copy it again from where it was issued, or have it issued again.",
    ),
    _unreadable(
        "content.no_certificate",
        rule="There is a certificate in the file.",
        why="The file was read, and holds something else.",
        source=_PEM,
        fix="Give certificates as PEM, DER, PKCS#7 or PKCS#12.",
    ),
    _unreadable(
        "content.empty",
        rule="There is something in the file.",
        why="A download, a redirect or a full disk often leaves an empty file behind.",
        source=_PEM,
        fix="Write the certificates into it again.",
    ),
    _unreadable(
        "content.cut_off",
        rule="Every PEM block has its END line, and DER has as many bytes as it says.",
        why="A part of the file is missing. Servers refuse such a file, or send a chain with a gap.",
        source="RFC 7468 section 3",
        fix="Copy or download the file again, whole.",
    ),
    _unreadable(
        "content.web_page",
        rule="The file is no web page.",
        why="A download often saves the sign-in page, or the page of an error, in place of the certificate.",
        source=_PEM,
        fix="Open it in a browser to see what it says, then download again.",
    ),
    _unreadable(
        "content.keystore",
        rule="The file is no keystore that only Java or Windows reads (JKS, JCEKS, SST).",
        why="No server but those of Java reads it.",
        source="RFC 7292: PKCS#12 is the form that others read",
        fix="Convert it: keytool -importkeystore -srckeystore FILE -destkeystore FILE.p12 -deststoretype PKCS12",
        page="https://docs.oracle.com/en/java/javase/17/docs/specs/man/keytool.html",
    ),
    _unreadable(
        "content.request",
        rule="The file holds a certificate, not a request for one (CSR).",
        why="A request is what the CA is given. There is nothing of a chain in it.",
        source="RFC 2986",
        fix="Name the certificate that the CA made of it. To pass over requests: --ignore content.request.",
    ),
    _unreadable(
        "content.key_alone",
        rule="A private key is named together with its chain.",
        why="A key alone says nothing of a chain.",
        source="RFC 5958",
        fix="Name the chain's file or folder, too. To pass over keys: --ignore content.key_alone.",
    ),
    _unreadable(
        "content.revocation_list",
        rule="The file holds a certificate, not a list of revoked ones (CRL).",
        why="Devices fetch no CRL. There is nothing of a chain in it.",
        source="RFC 5280 section 5",
        fix="Name the chain's certificates. To pass over lists: --ignore content.revocation_list.",
    ),
    _unreadable(
        "passphrase.missing",
        rule="What is protected by a passphrase comes with one.",
        why="Without it the certificates in PKCS#12 cannot be seen.",
        source="RFC 7292 appendix B.1",
        fix="Write its passphrase into a file, on one line, and give --passphrase-file FILE.",
    ),
    _unreadable(
        "passphrase.wrong",
        rule="The passphrase opens what it is given for.",
        why="Whether the private key belongs to the chain is then not known.",
        source="RFC 8018 section 6.2",
        fix="Give the passphrase that it was exported with. A file that is damaged looks the same.",
    ),
    _unreadable(
        "check.failed",
        rule="The check itself does not fail.",
        why="A file was met that this program was not made for. That is a defect of the program.",
        source="this program",
        fix="Report it with the file, or with the sentence of the finding.",
        page="https://www.rfc-editor.org/rfc/rfc5280",
    ),
    _unreadable(
        "usage",
        rule="A target is a file, a folder, - or https://HOST[:PORT].",
        why="It cannot be said what was meant.",
        source="this program",
        fix="Name a file, a folder or a host.",
        page="https://www.rfc-editor.org/rfc/rfc3986",
    ),
    Explanation(
        "private_key.invalid",
        Severity.ERROR,
        "A private key beside the chain can be read.",
        "A server that is given this file does not start.",
        "RFC 5958; RFC 8017 appendix A.1.2",
        "Copy the key again from where it was made: PEM or DER, PKCS#8 or PKCS#1.",
    ),
    Explanation(
        "key.locked",
        Severity.NOTE,
        "The private key beside the chain can be compared with it.",
        "The key is encrypted, and no passphrase was given. A key that does not belong is not noticed.",
        "RFC 5958 section 3",
        "Give --passphrase-file FILE.",
    ),
    Explanation(
        "content.utf16",
        Severity.WARNING,
        "PEM is ASCII text.",
        "We read UTF-16. OpenSSL, nginx and most other programs do not: the server would not start.",
        "RFC 7468 section 2: PEM is ASCII; PowerShell writes UTF-16 with > and Out-File",
        "Save it as UTF-8 without a byte order mark. In PowerShell: Set-Content -Encoding ascii.",
    ),
    Explanation(
        "content.pem_lines",
        Severity.WARNING,
        "Each BEGIN and END line has a line of its own, and no block has an empty line in it.",
        "We read such files. OpenSSL, nginx and Python's ssl do not: the server would not start.",
        "RFC 7468 section 3; OpenSSL, PEM_read_bio(3)",
        "Put a line break before each BEGIN line and behind each END line. 'cat' of files without a last line break "
        "makes this mistake.",
    ),
)
