"""Telekom's M2M portal: the certificates that it asks for, and the signed messages that travel both ways."""
