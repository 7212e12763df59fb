"""The commands of the links. ``cli.root`` names them, and imports one when it is called."""
