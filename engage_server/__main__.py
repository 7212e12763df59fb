"""``python -m engage_server`` is the ``engage`` command."""

from engage_server.cli import main

main()
