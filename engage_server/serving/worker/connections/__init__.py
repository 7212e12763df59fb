"""Clients' connections: bytes in and out, TLS, requests, and who may stay, how long, with how much."""
