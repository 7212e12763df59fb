"""KPN Things: their HTTPS destination, the ingestion that devices call, and a client. Checked: see docs/kpn.md."""
