"""Writes the Body of a call from the operator's WSDL, with zeep. Nothing is fetched: a WSDL lies in a folder."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml import etree
from zeep import Client, Settings
from zeep.exceptions import Error
from zeep.transports import Transport
from zeep.wsdl.bindings.soap import Soap11Binding

from engage_server.errors import FileNotUsable, NotFound, UsageError
from engage_server.files import read_file

_MOST_BYTES = 4 << 20
_KINDS = (Error, etree.LxmlError, ValueError, TypeError, KeyError, AttributeError, IndexError)


@dataclass(frozen=True, slots=True)
class Request:
    """A call that is not signed yet.

    Attributes:
        envelope: The whole message. It may hold secrets.
        action: What the field SOAPAction holds.
    """

    envelope: etree._Element
    action: str


class Wsdl:
    """An operator's WSDL.

    Args:
        file: The file. What it imports must lie beside it.

    Raises:
        FileNotUsable: It cannot be read.
        UsageError: It is no WSDL, or imports something over the network.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        read_file(file, limit=_MOST_BYTES)  # so that a missing file is told as everywhere
        settings = Settings(forbid_dtd=True, forbid_external=True)
        try:
            self._client = Client(str(file), transport=_Folder(file.resolve().parent), settings=settings)
        except FileNotUsable:
            raise
        except (*_KINDS, OSError) as error:
            raise UsageError(
                f"{file}: zeep cannot read this WSDL: {error}", "Give the file as Telekom sent it."
            ) from None

    def operations(self) -> tuple[str, ...]:
        """Return the names of all operations of SOAP 1.1."""
        return tuple(sorted({name for _, binding in self._bindings() for name in binding.all()}))

    def request(self, operation: str, arguments: Mapping[str, Any], hidden: Sequence[str] = ()) -> Request:
        """Return a call.

        Args:
            operation: The operation's name.
            arguments: Its parameters. Each name is an element's, as the schema has it.
            hidden: Secrets among them, which no error may repeat.

        Raises:
            NotFound: The WSDL has no such operation.
            UsageError: The parameters do not fit the schema.
        """
        chosen = next((each for each in self._bindings() if operation in each[1].all()), None)
        if chosen is None:
            raise NotFound(
                f"{self._file} has no operation {operation}", f"It has: {', '.join(self.operations()) or 'none'}."
            )
        service, binding = chosen
        try:
            envelope = self._client.create_message(service, operation, **arguments)
        except _KINDS as error:
            text = str(error)
            for secret in hidden:
                text = text.replace(secret, "***")
            raise UsageError(
                f"the parameters do not fit {operation}: {text}", "Give each as name=value, with the schema's names."
            ) from None
        return Request(envelope, str(binding.get(operation).soapaction or ""))

    def _bindings(self) -> Iterator[tuple[Any, Soap11Binding]]:
        """Each port of SOAP 1.1, with what zeep calls its service."""
        for name, service in self._client.wsdl.services.items():
            for port, found in service.ports.items():
                if type(found.binding) is Soap11Binding:
                    yield self._client.bind(name, port), found.binding


class _Folder(Transport):
    """Reads the files in one folder, and nothing else.

    Args:
        folder: The folder, resolved.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        super().__init__()  # type: ignore[no-untyped-call]  # zeep has no type hints

    def load(self, url: str) -> bytes:
        """Read what a WSDL imports."""
        if "://" in url or not Path(url).resolve().is_relative_to(self._folder):
            raise ValueError(f"it imports {url[:200]}, and only files beside it are read: put that file there")
        return read_file(Path(url), limit=_MOST_BYTES)
