"""Trust certificates for ENGAGE devices: a server pair, and the tool that builds what it serves."""

__version__ = "0.2.0.dev0"
