"""What devices are answered: the snapshot in memory, which site answers whom, and who may ask."""
