"""The JSON files of devices: where they lie, how they get in and out, and what devices uploaded into them."""
