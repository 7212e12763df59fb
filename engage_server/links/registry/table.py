"""The tables of ``links.toml``, read as all our TOML files are: see :mod:`engage_server.files.toml_table`."""

from engage_server.files.toml_table import Between, Matching, Where, did_you_mean, parsed_toml, read_table

__all__ = ["Between", "Matching", "Where", "did_you_mean", "parsed_toml", "read_table"]
