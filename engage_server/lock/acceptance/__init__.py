"""Whether a device takes a chain: its own rules, and OpenSSL's judgement under them."""
