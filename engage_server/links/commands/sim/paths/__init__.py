"""What commands learn of SIMs says something about the paths to sites: it is recorded at once."""
