"""HTTP and TLS as a device uses them."""
