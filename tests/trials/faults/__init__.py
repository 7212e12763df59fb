"""What fails in a trial, by part."""
