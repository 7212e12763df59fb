"""Clients' connections: bytes in and out, TLS, requests, and the limits of number, time and memory."""
