"""Files with the secrets of links: see :mod:`engage_server.files.secret_file`."""

from engage_server.files.secret_file import SECRET_BYTES, read_secret_file

__all__ = ["SECRET_BYTES", "read_secret_file"]
