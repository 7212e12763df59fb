"""Environment variables that are not settings: the settings file's name, and secrets, which do not belong in a file."""

from hmac import compare_digest
from pathlib import Path

from engage_server.errors import SettingsInvalid

CONFIG_VARIABLE = "ENGAGE_CONFIG"
SYSTEM_CONFIG_VARIABLE = "ENGAGE_SYSTEM_CONFIG"  # replaces the system's settings file; "" means none, as in tests
KEK_VARIABLE = "ENGAGE_KEY_ENCRYPTION_KEY"
KEY_COMMAND_VARIABLE = "ENGAGE_KEY_ENCRYPTION_KEY_COMMAND"  # a setting
RELEASE_KEY_VARIABLE = "ENGAGE_RELEASE_KEY"
DATABASE_VARIABLE = "ENGAGE_DATABASE_URL"  # a setting that may hold the password of the tables' owner
SITE_KEY_VARIABLE = "ENGAGE_SITE_KEY"
PASSPHRASE_VARIABLE = "ENGAGE_PASSPHRASE"  # noqa: S105  # the variable's name

# each names the file of a secret above, as a service manager or a container's secrets provide it
FILE_SUFFIX = "_FILE"
SECRET_FILES = (SITE_KEY_VARIABLE + FILE_SUFFIX, PASSPHRASE_VARIABLE + FILE_SUFFIX)

# Secrets that no process may hold that talks to devices: they would be in its memory, and in all that it passes on.
SECRETS_OF_OPERATORS = (KEK_VARIABLE, SITE_KEY_VARIABLE, PASSPHRASE_VARIABLE)

# What is taken out of the environment of these processes: with the command, too, which leads to a secret.
WITHHELD_FROM_DEVICES = (*SECRETS_OF_OPERATORS, KEY_COMMAND_VARIABLE)

# Secrets that a single command needs, and no process that keeps running.
SECRETS_OF_COMMANDS = (SITE_KEY_VARIABLE, PASSPHRASE_VARIABLE)


def assert_one_secret(variable: str, value: bytes, file: Path, content: bytes) -> None:
    """Refuse two different secrets for one purpose. Neither may win silently, because it may be the wrong one.

    Args:
        variable: Which holds one.
        value: The variable's content.
        file: Where the other one is.
        content: The file's content. White space around it does not matter.

    Raises:
        SettingsInvalid: They differ. Neither is repeated.
    """
    if not compare_digest(value.strip(), content.strip()):
        raise SettingsInvalid(
            f"{variable} holds another secret than the file {file}, which {variable}{FILE_SUFFIX} or a setting names",
            f"Unset {variable} or {variable}{FILE_SUFFIX}, or give both the same secret.",
            code="secret.given_twice",
        )
