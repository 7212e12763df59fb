"""A mail server that keeps each mail as a file. A program for the desk's network namespace."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP

PORT = 2525


class Mailbox:
    """Keeps what arrives.

    Args:
        folder: Where.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  # its peer's word
        """Keep a mail."""
        self._count += 1
        (self._folder / f"{self._count:04}").write_bytes(envelope.content)
        return "250 kept"


async def _serve(address: str, folder: Path) -> None:
    mailbox = Mailbox(folder)  # for all connections: it numbers what arrives
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(mailbox), address, PORT)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], Path(sys.argv[2])))
