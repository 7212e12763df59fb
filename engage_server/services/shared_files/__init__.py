"""The files of devices that all hosts share: rows in the database, and a copy on each host (decision 69)."""
