"""What was agreed with Telekom, read from ``links.toml`` and the files that it names."""

from collections.abc import Iterable, Sequence

from engage_server.links.registry.links_file import LinksFile
from engage_server.links.registry.table import Where
from engage_server.links.telekom.certificates.profiles import Environment
from engage_server.links.telekom.message_files import signer_of, trust_of
from engage_server.links.telekom.notifications.acknowledgement import Acknowledgement, read_acknowledgement
from engage_server.links.telekom.notifications.desk import Agreed
from engage_server.links.telekom.notifications.keys_apart import assert_keys_apart, assert_not_our_own
from engage_server.links.telekom.notifications.link_keys import TelekomLink
from engage_server.links.telekom.settings import TelekomTable, read_telekom_table


def read_agreed(
    file: LinksFile, environments: Iterable[Environment], links: Sequence[TelekomLink]
) -> tuple[Agreed, ...]:
    """Read all that answers need.

    Args:
        file: ``links.toml``.
        environments: Those that a host serves.
        links: All links of Telekom's.

    Raises:
        SettingsInvalid: A key is missing or cannot be used, or one private key has two purposes.
        EngageError: A file cannot be used.
    """
    where = file.where.below("telekom")
    table, served = read_telekom_table(file.telekom, where), tuple(environments)
    found = tuple(
        Agreed(
            each,
            trust_of(table, each, where),
            signer_of(table, each, where),
            _acknowledgement(table, where),
            {name: read_acknowledgement(path) for name, path in table.acknowledgement_files.items()},
            tuple(link for link in links if link.environment is each),
        )
        for each in served
    )
    assert_keys_apart(table, where, served, list(file.hosts.values()))
    for each in found:
        assert_not_our_own(each.trust, table, each.environment, where)
    return found


def _acknowledgement(table: TelekomTable, where: Where) -> Acknowledgement:
    if table.acknowledgement_file is None:
        raise where.refused(
            "the key acknowledgement_file is missing",
            "Write the template of the answer, and name its file. docs/telekom.md has an example.",
        )
    return read_acknowledgement(table.acknowledgement_file)
