"""HTTP and TLS as a device speaks them."""
