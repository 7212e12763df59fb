"""Explanations of findings on files: what we cannot read, and what other programs cannot read."""

from functools import partial

from engage_server.checks.explained.explanation import Explanation
from engage_server.checks.finding import Severity

_PEM = "RFC 7468 section 2"
_unreadable = partial(Explanation, severity=Severity.ERROR, is_unreadable=True)

CONTENTS = (
    _unreadable(
        "file.not_usable",
        rule="The file or folder exists and can be read.",
        why="A chain that cannot be read cannot be judged. The exit status is 3.",
        source="the operating system",
        fix="Name a file or folder that this user may read, or https://HOST.",
    ),
    _unreadable(
        "not_possible",
        rule="A live host answers and uses TLS.",
        why="A host that does not answer cannot be judged. The exit status is 3.",
        source="the network",
        fix="Check whether the host is up and whether this machine can reach it.",
    ),
    _unreadable(
        "certificate.invalid",
        rule="Each certificate in the file can be parsed.",
        why="Its bytes are damaged, or the file holds something besides a chain. No client could read it either.",
        source=_PEM,
        fix="Copy it again from where it was issued, or have it issued again.",
    ),
    _unreadable(
        "content.no_certificate",
        rule="The file contains a certificate.",
        why="The file was read, but it contains something else.",
        source=_PEM,
        fix="Give certificates as PEM, DER, PKCS#7 or PKCS#12.",
    ),
    _unreadable(
        "content.empty",
        rule="The file is not empty.",
        why="A download, a redirect or a full disk often leaves an empty file behind.",
        source=_PEM,
        fix="Write the certificates into it again.",
    ),
    _unreadable(
        "content.cut_off",
        rule="Every PEM block has its END line, and DER is as long as its length field says.",
        why="Part of the file is missing. Servers refuse such a file or send an incomplete chain.",
        source="RFC 7468 section 3",
        fix="Copy or download the whole file again.",
    ),
    _unreadable(
        "content.web_page",
        rule="The file is not a web page.",
        why="A download often saves a sign-in page or an error page instead of the certificate.",
        source=_PEM,
        fix="Open it in a browser to see what it says, then download again.",
    ),
    _unreadable(
        "content.keystore",
        rule="The file is not a keystore that only Java or Windows can read (JKS, JCEKS, SST).",
        why="Only Java programs can read JKS and JCEKS, and only Windows reads SST.",
        source="RFC 7292: PKCS#12 is the format that other programs read",
        fix="Convert it: keytool -importkeystore -srckeystore FILE -destkeystore FILE.p12 -deststoretype PKCS12",
        page="https://docs.oracle.com/en/java/javase/17/docs/specs/man/keytool.html",
    ),
    _unreadable(
        "content.request",
        rule="The file holds a certificate, not a request for one (CSR).",
        why="A request is what a CA receives. It contains no part of a chain.",
        source="RFC 2986",
        fix="Name the certificate that the CA issued for it. To skip requests: --ignore content.request.",
    ),
    _unreadable(
        "content.key_alone",
        rule="A private key is named together with its chain.",
        why="A key alone says nothing about a chain.",
        source="RFC 5958",
        fix="Name the file or folder with the chain, too. To skip keys: --ignore content.key_alone.",
    ),
    _unreadable(
        "content.revocation_list",
        rule="The file holds a certificate, not a certificate revocation list (CRL).",
        why="Devices do not fetch a CRL. It contains no part of a chain.",
        source="RFC 5280 section 5",
        fix="Name the chain's certificates. To skip CRLs: --ignore content.revocation_list.",
    ),
    _unreadable(
        "passphrase.missing",
        rule="A file that is protected by a passphrase comes with that passphrase.",
        why="Without it, the certificates in a PKCS#12 file cannot be read.",
        source="RFC 7292 appendix B.1",
        fix="Write the passphrase into a file, on one line, and add --passphrase-file FILE.",
    ),
    _unreadable(
        "passphrase.wrong",
        rule="The passphrase opens the file that it is given for.",
        why="Otherwise it is not known whether the private key belongs to the chain.",
        source="RFC 8018 section 6.2",
        fix="Give the passphrase that was used for the export. A damaged file gives the same error.",
    ),
    _unreadable(
        "check.failed",
        rule="The check itself does not crash.",
        why="The program could not handle this file. That is a bug in the program.",
        source="this program",
        fix="Report it, with the file or with the text of the finding.",
        page="https://www.rfc-editor.org/rfc/rfc5280",
    ),
    _unreadable(
        "usage",
        rule="A target is a file, a folder, - or https://HOST[:PORT].",
        why="It is not clear what was meant.",
        source="this program",
        fix="Name a file, a folder or a host.",
        page="https://www.rfc-editor.org/rfc/rfc3986",
    ),
    Explanation(
        "private_key.invalid",
        Severity.ERROR,
        "A private key next to the chain can be read.",
        "A server that is given this file will not start.",
        "RFC 5958; RFC 8017 appendix A.1.2",
        "Copy the key again from where it was generated, as PEM or DER, PKCS#8 or PKCS#1.",
    ),
    Explanation(
        "key.locked",
        Severity.NOTE,
        "The private key next to the chain can be compared with the server certificate.",
        "The key is encrypted, and no passphrase was given. A key that does not match would go unnoticed.",
        "RFC 5958 section 3",
        "Give --passphrase-file FILE.",
    ),
    Explanation(
        "content.utf16",
        Severity.WARNING,
        "PEM is ASCII text.",
        "We read UTF-16. OpenSSL, nginx and most other programs do not, so the server would not start.",
        "RFC 7468 section 2: PEM is ASCII; PowerShell writes UTF-16 with > and Out-File",
        "Save it as UTF-8 without a byte order mark. In PowerShell: Set-Content -Encoding ascii.",
    ),
    Explanation(
        "content.pem_lines",
        Severity.WARNING,
        "Each BEGIN and END marker is on its own line, and no block contains an empty line.",
        "We read such files. OpenSSL, nginx and Python's ssl do not, so the server would not start.",
        "RFC 7468 section 3; OpenSSL, PEM_read_bio(3)",
        "Put a line break before each BEGIN line and after each END line. 'cat' makes this mistake with files "
        "that do not end in a line break.",
    ),
)
