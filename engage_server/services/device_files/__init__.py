"""The JSON files of devices: their folders, import and export, and the devices' uploads."""
