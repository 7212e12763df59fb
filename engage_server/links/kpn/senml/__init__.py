"""SenML packs (RFC 8428) in JSON: read, resolved, written. Pure."""
