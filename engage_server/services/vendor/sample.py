"""Reads the folder of the vendor's two sample servers. Nothing in it is run, and nothing is changed.

Its layout is that of the vendor's page "Configuring the API Host Server". ``API_Server/`` has two Flask scripts,
``Engage_Data/`` has devices' JSON files, and ``static/Device_Certificates/`` has certificates and keys.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from cryptography import x509

from engage_server.errors import CertificateInvalid, FileNotUsable, UsageError
from engage_server.files import read_file
from engage_server.pki.paths.bundle import Bundle, read_bundle
from engage_server.records import Secret
from engage_server.services.device_files.finding import FoundFiles, find_device_files
from engage_server.services.vendor.script import NoticeReading, VendorScript, read_script

CERTIFICATES = Path("static/Device_Certificates")
DEVICE_FILES = "Engage_Data"

_MAX_SCRIPT_BYTES = 1 << 20
_MAX_CERTIFICATE_BYTES = 1 << 20
_SUFFIXES = {".pem", ".crt", ".cer", ".der", ".key", ".p12", ".pfx"}


@dataclass(frozen=True, slots=True)
class CertificateFile:
    """One file of ``Device_Certificates``.

    Attributes:
        path: The path of the file.
        content: Its bytes.
        bundle: The certificates and keys that could be read.
        fault: Why it cannot be read; "" if it can.
    """

    path: Path
    content: bytes = field(repr=False)
    bundle: Bundle
    fault: str = ""

    @property
    def is_der(self) -> bool:
        """Whether it is what devices accept: one certificate as DER, and nothing else."""
        return len(self.bundle.certificates) == 1 and b"-----BEGIN " not in self.content and not self.bundle.keys

    @property
    def text_before(self) -> int:
        """How many bytes of text come before the first PEM block."""
        return max(0, len(self.content[: self.content.find(b"-----BEGIN ")].strip())) if self.is_pem else 0

    @property
    def is_pem(self) -> bool:
        """Whether it contains PEM."""
        return b"-----BEGIN " in self.content


@dataclass(frozen=True, slots=True)
class VendorSample:
    """The contents of the sample's folder.

    Attributes:
        folder: The folder with the scripts.
        scripts: The scripts that give a notice or load a chain.
        files: The files of the certificates' folder, by name.
        devices: The devices' files.
    """

    folder: Path
    scripts: tuple[VendorScript, ...]
    files: dict[str, CertificateFile]
    devices: FoundFiles

    @property
    def secure_script(self) -> VendorScript | None:
        """The script that serves TLS; None if there is none."""
        return next((each for each in self.scripts if each.cert_file), None)

    def notices(self, reading: NoticeReading) -> tuple[VendorScript, ...]:
        """The scripts whose notice was read with this result."""
        return tuple(each for each in self.scripts if each.notice is reading)

    def certificates(self) -> Iterator[tuple[str, x509.Certificate]]:
        """Every certificate, with the name of its file."""
        for name, file in self.files.items():
            for certificate in file.bundle.certificates:
                yield name, certificate

    def loaded(self, name: str) -> CertificateFile | None:
        """The file that a script names. Only its name counts: the path depends on where the script is started."""
        return self.files.get(PurePosixPath(name.replace("\\", "/")).name)


def read_vendor_sample(folder: Path, passphrase: Secret | None = None) -> VendorSample:
    """Read the sample's folder, or the folder above it.

    Args:
        folder: ``API_Server``, or the folder that contains it.
        passphrase: Decrypts the authority's keys.

    Raises:
        UsageError: The sample is not in it.
        FileNotUsable: It cannot be read.
    """
    if not folder.is_dir():
        raise FileNotUsable(f"{folder} is not a folder", "Name the folder of the vendor's sample: API_Server.")
    found = next((each for each in (folder, folder / "API_Server") if (each / CERTIFICATES).is_dir()), None)
    if found is None:
        raise UsageError(
            f"{folder} has no {CERTIFICATES}",
            "Name the folder with the sample's two scripts, usually API_Server.",
            code="vendor.not_found",
        )
    texts = [(path, read_file(path, limit=_MAX_SCRIPT_BYTES)) for path in sorted(found.glob("*.py"))]
    read = [read_script(path, text.decode("utf-8-sig", "replace")) for path, text in texts]
    scripts = tuple(script for script in read if script is not None)
    paths = sorted(each for each in (found / CERTIFICATES).iterdir() if each.suffix.lower() in _SUFFIXES)
    files = {path.name: _read_certificates(path, passphrase) for path in paths if path.is_file()}
    device_folder = next((each for each in (found / DEVICE_FILES, folder / DEVICE_FILES) if each.is_dir()), None)
    devices = find_device_files(device_folder) if device_folder is not None else FoundFiles()
    return VendorSample(found, scripts, files, devices)


def _read_certificates(path: Path, passphrase: Secret | None) -> CertificateFile:
    content = read_file(path, limit=_MAX_CERTIFICATE_BYTES)
    try:
        return CertificateFile(path, content, read_bundle(content, source=path.name, passphrase=passphrase))
    except CertificateInvalid as error:
        return CertificateFile(path, content, Bundle(), error.sentence)
