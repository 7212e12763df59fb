"""The files of devices that all hosts share, in the database."""
