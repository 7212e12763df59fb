"""Environment variables that are no settings: the settings file's name, and secrets, which have no place in a file."""

CONFIG_VARIABLE = "ENGAGE_CONFIG"
SYSTEM_CONFIG_VARIABLE = "ENGAGE_SYSTEM_CONFIG"  # in place of the system's settings file; "" for none, as in tests
KEK_VARIABLE = "ENGAGE_KEY_ENCRYPTION_KEY"
RELEASE_KEY_VARIABLE = "ENGAGE_RELEASE_KEY"
SITE_KEY_VARIABLE = "ENGAGE_SITE_KEY"
PASSPHRASE_VARIABLE = "ENGAGE_PASSPHRASE"  # noqa: S105  # the variable's name

# behind the two names above: where the secret lies, as a service manager or a container's secrets give it
FILE_SUFFIX = "_FILE"
SECRET_FILES = (SITE_KEY_VARIABLE + FILE_SUFFIX, PASSPHRASE_VARIABLE + FILE_SUFFIX)

# secrets that no process may hold which talks to devices: its memory, and all that it passes on, begins with them
SECRETS_OF_OPERATORS = (KEK_VARIABLE, SITE_KEY_VARIABLE, PASSPHRASE_VARIABLE)

# those that one command needs, and nothing that goes on running
SECRETS_OF_COMMANDS = (SITE_KEY_VARIABLE, PASSPHRASE_VARIABLE)
