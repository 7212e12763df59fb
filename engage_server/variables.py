"""Environment variables that are not settings: the settings file's name, and secrets, which do not belong in a file."""

CONFIG_VARIABLE = "ENGAGE_CONFIG"
SYSTEM_CONFIG_VARIABLE = "ENGAGE_SYSTEM_CONFIG"  # replaces the system's settings file; "" means none, as in tests
KEK_VARIABLE = "ENGAGE_KEY_ENCRYPTION_KEY"
RELEASE_KEY_VARIABLE = "ENGAGE_RELEASE_KEY"
SITE_KEY_VARIABLE = "ENGAGE_SITE_KEY"
PASSPHRASE_VARIABLE = "ENGAGE_PASSPHRASE"  # noqa: S105  # the variable's name

# each names the file of a secret above, as a service manager or a container's secrets provide it
FILE_SUFFIX = "_FILE"
SECRET_FILES = (SITE_KEY_VARIABLE + FILE_SUFFIX, PASSPHRASE_VARIABLE + FILE_SUFFIX)

# Secrets that no process may hold that talks to devices: they would be in its memory, and in all that it passes on.
SECRETS_OF_OPERATORS = (KEK_VARIABLE, SITE_KEY_VARIABLE, PASSPHRASE_VARIABLE)

# Secrets that a single command needs, and no process that keeps running.
SECRETS_OF_COMMANDS = (SITE_KEY_VARIABLE, PASSPHRASE_VARIABLE)
