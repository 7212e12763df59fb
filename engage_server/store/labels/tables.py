"""The tables of what people call devices. A site's list and its evidence are apart: a label changes neither."""

from sqlalchemy import Column, ForeignKey, Integer, String, Table

from engage_server.store.tables import metadata

# Compared character by character, whatever the language of the database: a search reads a span of it.
_IN_ORDER = String(120).with_variant(String(120, collation="C"), "postgresql")

# Rows of devices that are on the site's list or were seen there.
device_labels = Table(
    "device_labels",
    metadata,
    Column("site_id", Integer, ForeignKey("sites.id"), primary_key=True, autoincrement=False),
    Column("identity", String(64), primary_key=True),
    Column("name", String(80), nullable=False),
    Column("place", String(120), nullable=False),
)

# What can be searched for: of each label, the text from each word on, as ``services`` fold it.
label_words = Table(
    "label_words",
    metadata,
    Column("site_id", Integer, ForeignKey("sites.id"), primary_key=True, autoincrement=False),
    Column("words", _IN_ORDER, primary_key=True),
    Column("identity", String(64), primary_key=True),
    sqlite_with_rowid=False,
)
